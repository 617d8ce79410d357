"""One step of every cart-pole as one pure function, so that it can be compiled whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stepscope.envs._dynamics import CartPoleConstants, integrate
from stepscope.errors import BadInputError

__all__ = ["Settings", "fresh_states", "make_step"]

_START = 0.05  # start states lie within this, in every coordinate
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


def fresh_states(bits: Tensor) -> Tensor:
    """Turn random bits, (N,) int64, into start states, (4, N) float32, uniform in ±0.05.

    A coordinate takes one of 65 536 equally likely values, 1.5e-6 apart and symmetric about zero.
    """
    # Seen as a flat run of 16-bit integers and cut in four: which four make an environment does not matter.
    sixteen = bits.view(torch.int16).view(4, -1)
    return sixteen.float().add_(0.5).mul_(_START / 2**15)


def make_step(settings: Settings) -> Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]:
    """Build the step for some settings.

    Returns
    -------
    Callable
        Takes state (4, N), steps (N,), actions (N, 1) and random bits (N,); returns the new state and steps,
        observations (N, 4), rewards, terminated, truncated, final observations (N, 4) and the mask of those done.
        It changes none of its arguments and keeps none of its results.
    """
    scale = settings.force_limit / settings.constants.mass

    def step(state: Tensor, steps: Tensor, actions: Tensor, bits: Tensor) -> tuple[Tensor, ...]:
        push = actions[:, 0].float().clamp(-1.0, 1.0) * scale
        moved = integrate(
            state,
            push,
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
        begun = torch.where(done, fresh_states(bits), moved)
        return (
            begun,
            steps.masked_fill(done, 0),
            begun.t().contiguous(),
            torch.ones_like(push),
            terminated,
            truncated,
            moved.t(),
            done,
        )

    return step
