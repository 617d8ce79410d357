"""Four environments that are slow on purpose, each for another reason.

They have no physics: what they compute has the shape of a simulation that is limited by one thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium.spaces import Box
from torch import Tensor, nn

from stepscope._device import usable_device

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Slow", "heavy", "hidden_wait", "large_network", "many_launches"]

_WIDTH = 8


class Slow:
    """N environments whose step is some function of their state.

    Parameters
    ----------
    num_envs
        How many.
    work
        Takes the state, shape (N, 8), and returns the next one.
    device
        Where the tensors live; None is CUDA where there is one.
    policy
        Brought along for the training loop, see `stepscope.measure.loop_split`; None is the loop's own.
    horizon
        Likewise, in vector steps.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        work: Callable[[Tensor], Tensor],
        device: str | torch.device | None = None,
        policy: nn.Module | None = None,
        horizon: int = 16,
    ) -> None:
        self.num_envs = num_envs
        self.device = usable_device(device)
        self.policy, self.horizon = policy, horizon
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


def many_launches(num_envs: int, *, device: str | None = None, launches: int = 3000) -> Slow:
    """Run thousands of small operations one after the other, as physics written in eager PyTorch does."""

    def work(state: Tensor) -> Tensor:
        small = state[:, :1]
        for _ in range(launches):
            small = small * 0.999
        return state + small

    return Slow(num_envs, work=work, device=device, horizon=8)


def heavy(num_envs: int, *, device: str | None = None, sweeps: int = 8, width: int = 256) -> Slow:
    """Run a few large operations on each environment, as contacts between many bodies do."""
    where = usable_device(device)
    matrix = torch.eye(width, device=where) * 0.9

    def work(state: Tensor) -> Tensor:
        wide = state.repeat(1, width // _WIDTH)
        for _ in range(sweeps):
            wide = (wide @ matrix).tanh()
        return wide[:, :_WIDTH]

    return Slow(num_envs, work=work, device=device, horizon=8)


def large_network(num_envs: int, *, device: str | None = None, width: int = 512) -> Slow:
    """Run almost nothing in a step, and train a large policy."""
    policy = nn.Sequential(
        nn.Linear(_WIDTH, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, 2)
    )
    return Slow(num_envs, work=lambda state: 0.9 * state, device=device, policy=policy, horizon=8)


def hidden_wait(num_envs: int, *, device: str | None = None, launches: int = 3000) -> Slow:
    """Look in each step whether any environment went wrong, which makes the host wait for the device."""
    launching = many_launches(num_envs, device=device, launches=launches)
    work = launching._work  # noqa: SLF001 - our own

    def looking(state: Tensor) -> Tensor:
        state = work(state)
        if state.abs().max().item() > 1e6:  # noqa: PLR2004 - no state is so large
            raise FloatingPointError("an environment ran away")
        return state

    return Slow(num_envs, work=looking, device=device, horizon=8)
