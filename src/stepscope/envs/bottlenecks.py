"""Environments that are slow on purpose, each for another reason.

They have no physics: what they compute has the shape of a simulation that is limited by one thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stepscope._common.devices import usable_device
from stepscope.envs._spaces import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[Tensor], Tensor]

__all__ = ["MemoryCopy", "Slow", "heavy", "hidden_wait", "light", "many_launches"]

_WIDTH = 8
_FAR = 1e6  # no state is so large


class Slow:
    """N environments whose step is some function of their state.

    Parameters
    ----------
    num_envs
        Number of environments.
    work
        Takes the state, shape (N, 8), and returns the next one.
    device
        Device of all tensors; None is CUDA where there is one.
    """

    def __init__(self, num_envs: int, *, work: Work, device: str | torch.device | None = None) -> None:
        self.num_envs = num_envs
        self.device = usable_device(device)
        self.single_observation_space = Box(-np.inf, np.inf, (_WIDTH,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (2,), np.float32)
        self._work = work
        self._state = torch.zeros(num_envs, _WIDTH, device=self.device)

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """Start anew; observations have shape (N, 8)."""
        self._state = torch.zeros_like(self._state)
        return self._state, {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Take actions, shape (N, 2), and return what Gymnasium's vector convention has."""
        self._state = self._work(self._state + actions.mean(1, keepdim=True)).clamp(-1.0, 1.0)
        never = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        return self._state, self._state[:, 0], never, never, {}


class MemoryCopy:
    """A step that copies memory and computes nothing: its speed is what the memory can do.

    Parameters
    ----------
    num_envs
        Number of environments.
    numbers
        Numbers of 4 bytes that each environment copies: so many are read, and so many written.
    device
        Device of all tensors; None is CUDA where there is one.
    seed
        Has no effect.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        numbers: int = 64,
        device: str | None = None,
        seed: int | None = None,  # noqa: ARG002 - as any environment
    ) -> None:
        self.num_envs = num_envs
        self.device = usable_device(device)
        self.single_observation_space = Box(-np.inf, np.inf, (1,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (1,), np.float32)
        self._source = torch.ones(num_envs, numbers, device=self.device)
        self._copy = torch.empty_like(self._source)

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """Return a number of each environment."""
        return self._copy[:, :1], {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:  # noqa: ARG002 - as any environment
        """Copy, and return what Gymnasium's vector convention has."""
        self._copy.copy_(self._source)
        first = self._copy[:, 0]
        return self._copy[:, :1], first, first, first, {}


def light(num_envs: int, *, device: str | None = None) -> Slow:
    """Do almost nothing, so that whatever stands around the environment is the limit."""
    return Slow(num_envs, work=lambda state: 0.9 * state, device=device)


def many_launches(num_envs: int, *, device: str | None = None, launches: int = 3000) -> Slow:
    """Run thousands of small operations one after the other, as physics written in eager PyTorch does."""
    return Slow(num_envs, work=_launching(launches), device=device)


def heavy(num_envs: int, *, device: str | None = None, sweeps: int = 8, width: int = 256) -> Slow:
    """Run a few large operations on each environment, as contacts between many bodies do."""
    return Slow(num_envs, work=_sweeping(sweeps, width, usable_device(device)), device=device)


def hidden_wait(
    num_envs: int, *, device: str | None = None, sweeps: int = 8, width: int = 256, launches: int = 3000
) -> Slow:
    """Check in the middle of each step whether any environment went wrong.

    The host waits there until the device has done the heavy first half, and the device then waits for the host, which
    has launched nothing of the second half meanwhile.
    """
    first, second = _sweeping(sweeps, width, usable_device(device)), _launching(launches)

    def work(state: Tensor) -> Tensor:
        state = first(state)
        if state.abs().max().item() > _FAR:
            raise FloatingPointError("an environment ran away")
        return second(state)

    return Slow(num_envs, work=work, device=device)


def _launching(launches: int) -> Work:
    def work(state: Tensor) -> Tensor:
        small = state[:, :1]
        for _ in range(launches):
            small = small * 0.999
        return state + small

    return work


def _sweeping(sweeps: int, width: int, device: torch.device) -> Work:
    matrix = torch.eye(width, device=device) * 0.9

    def work(state: Tensor) -> Tensor:
        wide = state.repeat(1, width // _WIDTH)
        for _ in range(sweeps):
            wide = (wide @ matrix).tanh()
        return wide[:, :_WIDTH]

    return work
