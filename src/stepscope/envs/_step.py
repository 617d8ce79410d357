"""One step of every cart-pole as one pure function, so that it can be compiled whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stepscope.envs._dynamics import CartPoleConstants, Rows, integrate
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Settings", "fresh_states", "make_step", "next_streams"]

_START = 0.05  # start states lie within this, in every coordinate
_HIGH = ~0xFFFF  # the upper 16 of 32 bits
_MULTIPLIER, _INCREMENT = 6364136223846793005, 1442695040888963407
_MAY_BE_ZERO = {"force_limit", "gravity", "cart_friction", "pole_friction"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a step depends on beside tensors; the fields are those of :class:`stepscope.envs.CartPole`."""

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
        for name in ("substeps", "episode_length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise BadInputError(f"{name} is {value!r}; it must be a whole number from 1.")
        names = ["timestep", "force_limit", "track_half_length", "angle_limit"]
        numbers = {name: getattr(self, name) for name in names}
        numbers |= {field.name: getattr(self.constants, field.name) for field in fields(self.constants)}
        for name, value in numbers.items():
            least = "from 0" if name in _MAY_BE_ZERO else "above 0"
            bad = not isinstance(value, int | float) or not math.isfinite(value) or value < 0
            if bad or (value == 0 and name not in _MAY_BE_ZERO):
                raise BadInputError(f"{name} is {value!r}; it must be a finite number {least}.")


def next_streams(streams: Tensor) -> Tensor:
    """Advance every environment's own random stream, (N,) int64, by one.

    Knuth's linear congruential generator modulo 2^64 (the MMIX one): two operations, which fuse with the step,
    where drawing from torch's generator would take as long on a CPU as the rest of a compiled step.
    """
    return streams * _MULTIPLIER + _INCREMENT


def fresh_states(streams: Tensor) -> Rows:
    """Turn random streams, (N,) int64, into the four rows of N start states, uniform in ±0.05.

    A coordinate takes one of 65 536 equally likely values from -0.05, 1.5e-6 apart. The upper bits of such a
    generator are its good ones, so they are folded into the lower half.
    """
    upper = (streams >> 32).to(torch.int32)
    lower = streams.to(torch.int32) ^ upper
    scale = _START / 2**31
    return (upper & _HIGH) * scale, (upper << 16) * scale, (lower & _HIGH) * scale, (lower << 16) * scale


def make_step(settings: Settings) -> Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    """Build the step for some settings.

    Returns
    -------
    Callable
        Takes state (4, N), steps (N,), actions (N, 1) and random streams (N,); returns the new state, steps and
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
        streams = next_streams(streams)
        fresh = fresh_states(streams)
        begun = torch.stack([torch.where(done, new, old) for new, old in zip(fresh, moved, strict=True)])
        # Rows stay rows: an observation is a transposed view of a copy, since moving numbers about costs more than
        # all of the physics.
        steps = steps.masked_fill(done, 0)
        return begun, steps, streams, begun.clone().t(), torch.stack(moved).t(), terminated, truncated, done

    return step
