"""Layout of what a step returns: the place of rewards and flags in one of several conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["StepLayout", "done_flags", "zero_masked"]

_FIVE = 5


@dataclass(frozen=True, kw_only=True)
class StepLayout:
    """Places of rewards and flags among the values of a step; the same in each step, so the first one decides.

    Gymnasium's are observations, rewards, terminated, truncated and more; RL-Games, RSL-RL and Stable-Baselines3 return
    four, with one flag; and Legged Gym five, with privileged observations before the rewards and one flag.

    Attributes
    ----------
    rewards
        Place of the rewards.
    flags
        Places of the flags that an episode ended.
    privileged
        Place of privileged observations, or None.
    """

    rewards: int
    flags: slice
    privileged: int | None = None

    @classmethod
    def of(cls, result: tuple[Any, ...]) -> StepLayout:
        """Return the layout of a step's result.

        Examples
        --------
        >>> rewards, flag = torch.ones(2), torch.zeros(2, dtype=torch.bool)
        >>> StepLayout.of((torch.ones(2, 3), rewards, flag, flag, {})).rewards
        1
        >>> StepLayout.of((torch.ones(2, 3), None, rewards, flag, {})).rewards
        2
        """
        if not isinstance(result, (tuple, list)):
            raise TypeError(f"a {type(result).__name__} and no tuple")
        if len(result) != _FIVE:
            return cls(rewards=1, flags=slice(2, 3))
        floats = [isinstance(value, Tensor) and value.is_floating_point() for value in result[2:4]]
        if floats == [True, False]:  # some simulators have flags that are floats, but then both
            return cls(rewards=2, flags=slice(3, 4), privileged=1)
        return cls(rewards=1, flags=slice(2, 4))


def done_flags(flags: tuple[Any, ...]) -> list[Tensor]:
    """Return flags as tensors, one value per environment, of all agents where there are several."""
    if not isinstance(flags[0], Mapping):
        return [torch.as_tensor(flag) for flag in flags]
    tensors = (torch.as_tensor(flag) for agents in flags for flag in agents.values())
    return [flag for flag in tensors if flag.dim()]  # ``__all__`` is one for all


def zero_masked(mask: Tensor, rewards: Any) -> Any:  # noqa: ANN401 - the environment's own
    """Return rewards of the same kind, with 0 for the environments in a mask, (N,) on the CPU.

    Examples
    --------
    >>> zero_masked(torch.tensor([True, False]), {"left": np.array([np.nan, 2.0])})
    {'left': array([0., 2.])}
    """
    if isinstance(rewards, Mapping):
        return {agent: zero_masked(mask, values) for agent, values in rewards.items()}
    if isinstance(rewards, Tensor):
        return torch.where(mask.to(rewards.device).reshape(-1, *[1] * (rewards.dim() - 1)), 0, rewards)
    zeroed = np.array(rewards)
    zeroed[mask.numpy()] = 0
    return zeroed
