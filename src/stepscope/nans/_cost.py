"""What a recorder takes of memory, before it is there."""

from __future__ import annotations

import math
from typing import Any

from stepscope.errors import BadInputError

__all__ = ["cost", "rows_for"]


def cost(env: Any, *, steps: int = 32, every: int = 8, state_columns: int = 0) -> int:  # noqa: ANN401 - any environment
    """Return how many bytes a recorder would hold on the device, before it is there.

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
    >>> cost(CartPole(4096)) / 2**20
    4.6875
    """
    space, actions = (getattr(env, f"single_{name}_space", None) for name in ("observation", "action"))
    if space is None or actions is None:
        raise BadInputError(
            f"a {type(env).__name__} has no single_observation_space and single_action_space to count with."
        )
    parts = [*getattr(space, "spaces", {"": space}).values(), actions]
    floats = [part for part in parts if part.dtype is not None and part.dtype.kind == "f"]
    each = sum(part.dtype.itemsize * math.prod(part.shape) for part in floats)
    reward, flag = 4, 1
    return rows_for(steps, every) * env.num_envs * (each + 4 * state_columns + reward + flag)


def rows_for(steps: int, every: int) -> int:
    """Return the rows of the ring: a whole number of looks, and on CUDA two more, by which a finding may be late."""
    return (-(-steps // every) + 2) * every
