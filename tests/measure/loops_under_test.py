"""Environments and policies whose times are known, for the loop that is timed around them.

They take no time but that of a virtual clock, on which it passes in steps, in images and in the policy.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from torch import Tensor, nn

from tests.virtual_time import VirtualTime

STEP, RENDER, POLICY = 4e-3, 8e-3, 2e-3
"""Seconds that a step, an image and the policy take."""

_CLOCK = VirtualTime()


def virtual(num_envs: int, **options: Any) -> Sleeping:  # noqa: ANN401 - those of the environment
    """Return an environment, in a process whose clock is virtual from now on."""
    _CLOCK.install()
    return Sleeping(num_envs, **options)


class Sleeping:
    """Takes time in each step, more of it while it renders, and a lot in the first one."""

    def __init__(self, num_envs: int, *, rendering: bool = False, first: float = 0.0) -> None:
        self.single_action_space = Box(-1.0, 1.0, (2,), np.float32)
        self.rendering = rendering
        self._first, self._state = first, torch.zeros(num_envs, 3)
        self._never = torch.zeros(num_envs, dtype=torch.bool)

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """Return zeros."""
        return self._state, {}

    def step(self, _: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Let time pass."""
        _CLOCK.advance(STEP + RENDER * self.rendering + self._first)
        self._first = 0.0
        return self._state, self._state[:, 0], self._never, self._never, {}


class Target(Sleeping):
    """Rewards actions near 1, and takes no time."""

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Return minus the squared distance."""
        return self._state, -(actions - 1.0).square().sum(1), self._never, self._never, {}


class Slow(nn.Linear):
    """A policy that takes time."""

    def forward(self, seen: Tensor) -> Tensor:
        """Let time pass, then act."""
        _CLOCK.advance(POLICY)
        return super().forward(seen)


def slow_policy(_: Sleeping) -> Slow:
    """Return the slow policy."""
    return Slow(3, 2)


def no_policy(_: Sleeping) -> float:
    """Return something else."""
    return 1.0


def arrays(num_envs: int) -> gymnasium.vector.VectorEnv:
    """Return environments of NumPy arrays with two actions to choose from."""
    return gymnasium.make_vec("CartPole-v1", num_envs=num_envs)


class Mapped(Sleeping):
    """Has observations in a mapping, as Isaac Lab has."""

    def reset(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return two."""
        return {"policy": self._state, "goal": self._state[:, :1]}, {}

    def step(self, actions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor, dict[str, Any]]:
        """Return two, too."""
        _, *rest = super().step(actions)
        return self.reset()[0], *rest


class Headless(Sleeping):
    """Returns four values, as gym did."""

    def step(self, _: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
        """Return too few."""
        return self._state, self._state[:, 0], self._never, {}


class Short(Sleeping):
    """Has one environment too few."""

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """Return one row too few."""
        return self._state[1:], {}


class Spaceless(Sleeping):
    """Does not say what its actions are."""

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs)
        del self.single_action_space


def ran_away(num_envs: int) -> None:
    """Fail."""
    raise KeyError(f"no asset for {num_envs}")


def limited(num_envs: int) -> None:
    """Say how much memory this process may ask for."""
    raise MemoryError(f"{num_envs} environments, limit {resource.getrlimit(resource.RLIMIT_DATA)[0]}")


class Real(Sleeping):
    """Sleeps in each step, by the real clock."""

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Sleep, too."""
        time.sleep(STEP)
        return super().step(actions)
