"""Environments of PyTorch that take a number of bytes that is known."""

from __future__ import annotations

import gymnasium
import numpy as np
import torch

__all__ = ["BYTES", "Known"]

BYTES = 20_000
"""What each environment adds: its state. The rest, an observation and a reward, is below a thousandth of it."""


class Known:
    """Holds `BYTES` bytes an environment, and nothing else that grows much."""

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.single_action_space = self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.state = torch.ones(num_envs, BYTES // 4)

    def reset(self) -> tuple[torch.Tensor, dict[str, object]]:
        """Return a number for each environment."""
        return self.state[:, 0].clone(), {}

    def step(self, action: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Add the action to every state, in place."""
        self.state.add_(action)
        zeros = torch.zeros(self.num_envs)
        return self.state[:, 0].clone(), zeros, zeros.bool(), zeros.bool(), {}
