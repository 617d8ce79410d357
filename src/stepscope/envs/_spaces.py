"""The few names of gymnasium that the environments use, from gymnasium where it is installed.

Without it, for instance on a borrowed GPU machine with nothing but torch and NumPy, they have the same shapes, bounds
and types, and can be stepped and measured; the training libraries need gymnasium itself.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np

__all__ = ["AutoresetMode", "Box", "VectorEnv", "batch_space"]


class _AutoresetMode(Enum):
    SAME_STEP = "SameStep"


class _VectorEnv:
    """Base of a vectorised environment."""

    num_envs: int


class _Box:
    """Bounds, shape and type of numbers.

    Parameters
    ----------
    low, high
        Bounds: arrays of the shape, or one number for all.
    shape
        Shape; None is that of the bounds.
    dtype
        Type of the numbers.
    """

    def __init__(
        self,
        low: Any,  # noqa: ANN401 - a number or an array
        high: Any,  # noqa: ANN401 - the same
        shape: tuple[int, ...] | None = None,
        dtype: Any = np.float32,  # noqa: ANN401 - whatever NumPy takes
    ) -> None:
        self.shape = tuple(np.shape(low) if shape is None else shape)
        self.dtype = np.dtype(dtype)
        self.low, self.high = (self._fill(bound) for bound in (low, high))

    def _fill(self, bound: Any) -> Any:  # noqa: ANN401 - arrays
        array = np.asarray(bound, self.dtype)
        return array if array.shape == self.shape else np.full(self.shape, array)


def _batch_space(space: Any, count: int) -> Any:  # noqa: ANN401 - gymnasium's signature
    shape = (count, *space.shape)
    return type(space)(
        np.broadcast_to(space.low, shape), np.broadcast_to(space.high, shape), shape, space.dtype
    )


try:
    from gymnasium.spaces import Box
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "gymnasium":
        raise
    AutoresetMode, Box, VectorEnv, batch_space = _AutoresetMode, _Box, _VectorEnv, _batch_space
