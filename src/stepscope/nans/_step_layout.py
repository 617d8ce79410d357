"""What a step returns: rewards and flags in one of several conventions, of one agent or several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Parts", "flags_of", "parts_of", "without"]

_FIVE = 5


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Which of the things that a step returns are what; the same in each step, and so seen from the first.

    Gymnasium's are observations, rewards, terminated, truncated and more; RL-Games, RSL-RL and Stable-Baselines3 return
    four, with one flag; and Legged Gym five, with privileged observations before the rewards and one flag.

    Attributes
    ----------
    rewards
        Place of the rewards.
    flags
        Places of what says that an episode ended.
    privileged
        Place of more observations, or None.
    """

    rewards: int
    flags: slice
    privileged: int | None = None


def parts_of(result: tuple[Any, ...]) -> Parts:
    """Return which is what in what a step returned.

    Examples
    --------
    >>> rewards, flag = torch.ones(2), torch.zeros(2, dtype=torch.bool)
    >>> parts_of((torch.ones(2, 3), rewards, flag, flag, {})).rewards
    1
    >>> parts_of((torch.ones(2, 3), None, rewards, flag, {})).rewards
    2
    """
    if not isinstance(result, (tuple, list)):
        raise TypeError(f"a {type(result).__name__} and no tuple")
    if len(result) != _FIVE:
        return Parts(rewards=1, flags=slice(2, 3))
    floats = [isinstance(each, Tensor) and each.is_floating_point() for each in result[2:4]]
    if floats == [True, False]:  # some simulators have flags that are floats, but then both
        return Parts(rewards=2, flags=slice(3, 4), privileged=1)
    return Parts(rewards=1, flags=slice(2, 4))


def flags_of(flags: tuple[Any, ...]) -> list[Tensor]:
    """Return flags, one for each environment, of all agents where there are several."""
    if not isinstance(flags[0], Mapping):
        return [torch.as_tensor(flag) for flag in flags]
    each = (torch.as_tensor(flag) for agents in flags for flag in agents.values())
    return [flag for flag in each if flag.dim()]  # ``__all__`` is one for all


def without(mask: Tensor, rewards: Any) -> Any:  # noqa: ANN401 - the environment's own
    """Return rewards of the same kind, with 0 for the environments in a mask, (N,) on the CPU.

    Examples
    --------
    >>> without(torch.tensor([True, False]), {"left": np.array([np.nan, 2.0])})
    {'left': array([0., 2.])}
    """
    if isinstance(rewards, Mapping):
        return {name: without(mask, each) for name, each in rewards.items()}
    if isinstance(rewards, Tensor):
        return torch.where(mask.to(rewards.device).reshape(-1, *[1] * (rewards.dim() - 1)), 0, rewards)
    left = np.array(rewards)
    left[mask.numpy()] = 0
    return left
