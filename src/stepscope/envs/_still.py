"""An environment that does nothing, to measure the memory of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stepscope._common.images import is_image
from stepscope.envs._spaces import Box, VectorEnv, batch_space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Still"]


class Still(VectorEnv):  # gymnasium's types are not read
    """N environments whose observations, rewards and flags are zeros that never change.

    Parameters
    ----------
    num_envs
        Number of environments.
    observation
        Shape of an observation: one number, or channels, height and width of an image.
    actions
        Length of an action.
    device
        Device of all tensors.
    dtype
        ``"float32"`` or, for images, ``"uint8"``.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        observation: Sequence[int],
        actions: int,
        device: torch.device,
        dtype: str = "float32",
    ) -> None:
        self.num_envs, self.device, self.episode_length = num_envs, device, 1000
        shape = tuple(observation)
        most = {"uint8": 255.0, "float32": 1.0 if is_image(shape) else np.inf}[dtype]
        least = 0.0 if is_image(shape) else -np.inf
        self.single_observation_space = Box(least, most, shape, np.dtype(dtype).type)
        self.single_action_space = Box(-1.0, 1.0, (actions,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._observations = torch.zeros(num_envs, *shape, dtype=getattr(torch, dtype), device=device)
        self._rewards = torch.zeros(num_envs, device=device)
        self._flags = torch.zeros(num_envs, dtype=torch.bool, device=device)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Tensor, dict[str, Any]]:  # noqa: ANN401, ARG002 - gymnasium's signature
        """Return the observations."""
        return self._observations, {}

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:  # noqa: ARG002 - the same
        """Return the same tensors again, whatever the actions."""
        return self._observations, self._rewards, self._flags, self._flags, {"final_obs": self._observations}
