"""An environment that does nothing, for weighing what is built around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Still"]

_IMAGE = 3  # dimensions


class Still(VectorEnv):  # gymnasium's types are not read
    """N environments whose observations, rewards and flags are zeros that never change.

    Parameters
    ----------
    num_envs
        How many.
    observation
        Shape of an observation: floats, or bytes if it is an image of channels, height and width.
    actions
        How many numbers an action has.
    device
        Where the tensors live.
    """

    def __init__(
        self, num_envs: int, *, observation: Sequence[int], actions: int, device: torch.device
    ) -> None:
        self.num_envs, self.device, self.episode_length = num_envs, device, 1000
        shape = tuple(observation)
        self.single_observation_space = (
            Box(0, 255, shape, np.uint8) if len(shape) == _IMAGE else Box(-np.inf, np.inf, shape, np.float32)
        )
        self.single_action_space = Box(-1.0, 1.0, (actions,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        kind = torch.uint8 if len(shape) == _IMAGE else torch.float32
        self._observations = torch.zeros(num_envs, *shape, dtype=kind, device=device)
        self._rewards = torch.zeros(num_envs, device=device)
        self._flags = torch.zeros(num_envs, dtype=torch.bool, device=device)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Tensor, dict[str, Any]]:  # noqa: ANN401, ARG002 - gymnasium's signature
        """Return the observations."""
        return self._observations, {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:  # noqa: ARG002 - the same
        """Return the same again, whatever the actions."""
        return self._observations, self._rewards, self._flags, self._flags, {"final_obs": self._observations}
