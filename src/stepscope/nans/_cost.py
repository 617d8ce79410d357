"""Memory of a recorder, before it is created."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from stepscope.errors import BadInputError
from stepscope.nans._foreign import device_of, snapshot_of
from stepscope.nans._ring import RingSize

__all__ = ["cost"]


def cost(env: Any, *, steps: int = 32, every: int = 8, state_columns: int = 0) -> int:  # noqa: ANN401 - any environment
    """Return how many bytes a recorder would hold on the device.

    Parameters
    ----------
    env
        A vectorised environment with Gymnasium's spaces, whose observations are floats or a dictionary of such.
    steps, every
        As of :func:`record`.
    state_columns
        Columns of float32 that ``state`` would return.

    Raises
    ------
    BadInputError
        It has no such spaces.

    Examples
    --------
    >>> from stepscope.envs import CartPole
    >>> round(cost(CartPole(4096)) / 2**20, 2)
    2.78
    """
    space, actions = (getattr(env, f"single_{name}_space", None) for name in ("observation", "action"))
    if space is None or actions is None:
        raise BadInputError(
            f"a {type(env).__name__} has no single_observation_space and single_action_space to compute with."
        )
    cuda = device_of(env).type == "cuda"
    size = RingSize.of(steps=steps, every=every, cuda=cuda)
    spaces = [
        (f"observations/{name}", group) for name, group in getattr(space, "spaces", {"": space}).items()
    ]
    ring = sum(
        size.number_of_bytes(name, getattr(torch, box.dtype.name), env.num_envs * math.prod(box.shape))
        for name, box in [*spaces, ("actions", actions)]
        if box.dtype is not None and box.dtype.kind == "f"
    )
    ring += size.number_of_bytes("state", torch.float32, env.num_envs * state_columns)
    ring += size.number_of_bytes("rewards", torch.float32, env.num_envs)
    ring += size.number_of_bytes("done", torch.bool, env.num_envs)
    take_snapshot = snapshot_of(env)
    tensors = None if take_snapshot is None else take_snapshot()
    snapshot = sum(tensor.nbytes for tensor in tensors.values()) if isinstance(tensors, Mapping) else 0
    return ring + size.snapshots * snapshot
