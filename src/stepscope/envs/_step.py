"""One step of every cart-pole as one pure function, so that it can be compiled whole."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stepscope.envs._dynamics import CartPoleConstants, integrate
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "INCREMENT",
    "MULTIPLIER",
    "START_PER_STREAM",
    "Settings",
    "fresh_states",
    "make_step",
    "next_streams",
    "reset_mask",
    "validate_integer",
]

START_PER_STREAM = 0.05 / 2**31
"""Start states lie within 0.05, in every coordinate, and streams within 2^31."""
MULTIPLIER, INCREMENT = 1664525, 1013904223
"""Knuth's and Lewis's numbers for a generator of 32 bits."""
_MAY_BE_ZERO = {"force_limit", "gravity", "cart_friction", "pole_friction"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Parameters of a step; the fields are those of :class:`stepscope.envs.CartPole`."""

    timestep: float
    substeps: int
    force_limit: float
    track_half_length: float
    angle_limit: float
    episode_length: int
    semi_implicit: bool
    constants: CartPoleConstants

    def check(self) -> None:
        """Raise BadInputError for the first number that no cart-pole can have."""
        names = ["timestep", "force_limit", "track_half_length", "angle_limit"]
        numbers = {name: getattr(self, name) for name in names}
        numbers |= {field.name: getattr(self.constants, field.name) for field in fields(self.constants)}
        for name, value in numbers.items():
            sign = "non-negative" if name in _MAY_BE_ZERO else "positive"
            bad = not isinstance(value, int | float) or not math.isfinite(value) or value < 0
            if bad or (value == 0 and name not in _MAY_BE_ZERO):
                raise BadInputError(f"{name} is {value!r}; it must be a {sign}, finite number.")


def validate_integer(
    name: str, value: object, *, least: int = 1, end: float = math.inf, also: str = ""
) -> int:
    """Return an integer of any type, NumPy's too, as an int, or raise BadInputError."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type] # asked here
    except TypeError:
        number = None
    if number is None or not least <= number < end:
        kind = "a positive integer" if least == 1 else f"an integer from {least}"
        raise BadInputError(f"{name} is {value!r}; it must be {kind}{also}.")
    return number


def reset_mask(options: Mapping[str, Any] | None, num_envs: int) -> Tensor | None:
    """Return the mask of the episodes to start anew, or None for all of them, or raise BadInputError."""
    others = dict(options or {})
    mask = others.pop("reset_mask", None)
    if others:
        raise BadInputError(f"reset() has no options but reset_mask, but got {', '.join(map(str, others))}.")
    if mask is not None and not (
        isinstance(mask, Tensor) and mask.dtype == torch.bool and mask.shape == (num_envs,)
    ):
        raise BadInputError(f"reset_mask must be a bool tensor of shape ({num_envs},).")
    return mask


def next_streams(streams: Tensor) -> Tensor:
    """Advance every coordinate's own random stream, (4, N) int32, by one.

    A linear congruential generator modulo 2^32: two operations, which fuse with the step, where drawing from torch's
    generator takes as long on a CPU as the rest of a compiled step. Its upper bits are its good ones, and only they
    count; it has the full period of 2^32, and torch's generator places the streams.
    """
    return (streams * MULTIPLIER).add_(INCREMENT)


def fresh_states(streams: Tensor) -> Tensor:
    """Turn random streams, (4, N) int32, into start states, (4, N) float32, uniform in ±0.05."""
    return streams * START_PER_STREAM


def make_step(settings: Settings) -> Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    """Build the step for some settings, for a compiler.

    Parameters
    ----------
    settings
        Parameters of the step.

    Returns
    -------
    Callable
        Takes state (4, N), steps (N,), actions (N, 1) and random streams (4, N); returns the new state, steps and
        streams, observations (N, 4), final observations (N, 4), terminated, truncated and the mask of those done.
        It changes none of its arguments and keeps none of its results.
    """
    scale = settings.force_limit / settings.constants.mass

    def step(state: Tensor, steps: Tensor, actions: Tensor, streams: Tensor) -> tuple[Tensor, ...]:
        position, velocity, angle, spin = state.unbind(0)
        moved = integrate(
            (position, velocity, angle, spin),
            actions[:, 0].float().clamp(-1.0, 1.0) * scale,
            timestep=settings.timestep,
            substeps=settings.substeps,
            semi_implicit=settings.semi_implicit,
            constants=settings.constants,
        )
        terminated = (moved[0].abs() > settings.track_half_length) | (moved[2].abs() > settings.angle_limit)
        steps = steps + 1
        # On booleans, "greater" is "and not".
        truncated = (steps >= settings.episode_length) > terminated
        done = terminated | truncated
        final = torch.stack(moved)
        streams = next_streams(streams)
        begun = _begin(done, fresh_states(streams), final)
        # Rows stay rows: an observation is a transposed view of a copy, since moving numbers about costs more than
        # all of the physics.
        return (
            begun,
            steps.masked_fill(done, 0),
            streams,
            begun.clone().t(),
            final.t(),
            terminated,
            truncated,
            done,
        )

    return step


def _begin(done: Tensor, fresh: Tensor, final: Tensor) -> Tensor:
    """Start episodes anew row by row, which a compiler fuses into one loop with all the rest."""
    rows = zip(fresh.unbind(0), final.unbind(0), strict=True)
    return torch.stack([torch.where(done, new, old) for new, old in rows])
