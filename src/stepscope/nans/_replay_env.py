"""New environment for a replay, whose errors become one sentence."""

from __future__ import annotations

import math
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from stepscope._common import printable
from stepscope._common.callables import accepts, make_env
from stepscope.errors import BadInputError
from stepscope.nans._dump import as_array
from stepscope.nans._flatten import flatten_tensors, holds_arrays
from stepscope.nans._foreign import describe_error, device_of, safe_getattr
from stepscope.nans._snapshots import restore_of, snapshot_of
from stepscope.nans._step_layout import StepLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from torch import Tensor

    from stepscope.nans._dump import Dump

__all__ = ["NO_SNAPSHOT", "ReplayEnv", "make_replay_env"]

NO_SNAPSHOT = "the dump has no snapshot from before the bad value; the recorded environment gave none."


@dataclass(frozen=True, kw_only=True)
class ReplayEnv:
    """New environment after a reset; its errors become one `BadInputError`.

    Attributes
    ----------
    env
        The environment.
    uses_numpy
        Whether it takes and returns NumPy arrays.
    num_envs
        Number of environments.
    with_state
        Whether its snapshots are compared as well: a step returns no state.
    """

    env: Any
    uses_numpy: bool
    num_envs: int
    with_state: bool

    def restore(self, dump: Dump) -> None:
        """Restore the recorded state."""
        restore = restore_of(self.env)
        if restore is None:
            raise BadInputError(
                f"a {type(self.env).__name__} has no restore(snapshot), so the recorded state cannot be restored."
            )
        if not dump.snapshot:
            raise BadInputError(NO_SNAPSHOT)
        with _as_bad_input(f"a {type(self.env).__name__} does not take the snapshot of the dump"):
            restore(
                {name: self._as_own(torch.from_numpy(array.copy())) for name, array in dump.snapshot.items()}
            )

    def step(self, actions: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Step the environment; return name to (M, columns) of what is watched."""
        with _as_bad_input(f"a {type(self.env).__name__} cannot be stepped with the recorded actions"):
            device = device_of(self.env)
            own = {name: self._as_own(values.to(device)) for name, values in actions.items()}
            result = self.env.step(_unflatten(own))
            rewards = result[StepLayout.of(result).rewards]
            tensors = dict(flatten_tensors(result[0], "observations", rows=self.num_envs))
            tensors |= dict(flatten_tensors(rewards, "rewards", rows=self.num_envs))
            take_snapshot = snapshot_of(self.env) if self.with_state else None
            if take_snapshot is not None:
                tensors |= dict(flatten_tensors(take_snapshot(), "snapshot"))
            return {
                name: as_array(tensor.reshape(len(tensor), math.prod(tensor.shape[1:])))
                for name, tensor in tensors.items()
                if tensor.dim()
            }

    def close(self) -> None:
        """Close it, so that another can be created: Isaac Lab simulates one scene at a time."""
        close = safe_getattr(self.env, "close")
        if callable(close):
            with suppress(Exception):  # what was found out is worth more
                close()

    def _as_own(self, tensor: Tensor) -> Any:  # noqa: ANN401 - what it takes
        return tensor.numpy() if self.uses_numpy else tensor


def _unflatten(actions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what an environment takes
    """Return actions in their original structure: alone, a tuple, or dictionaries by agent, which may be nested."""
    if "" in actions:
        return actions[""]
    groups: dict[str, dict[str, Any]] = {}
    for name, values in actions.items():
        head, _, rest = name.partition("/")
        groups.setdefault(head, {})[rest] = values
    nested = {head: _unflatten(group) for head, group in groups.items()}
    is_tuple = list(nested) == [str(index) for index in range(len(nested))]
    return tuple(nested.values()) if is_tuple else nested


@contextmanager
def _as_bad_input(problem: str) -> Iterator[None]:
    """Turn an error of the user's environment into one sentence."""
    try:
        yield
    except BadInputError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInputError(f"{printable(problem)}: {describe_error(error)}") from error


@contextmanager
def make_replay_env(dump: Dump, factory: str, options: Mapping[str, Any]) -> Iterator[ReplayEnv]:
    """Create and reset as many environments as the dump holds, and close them in the end.

    Raises
    ------
    BadInputError
        There is no such factory, or it fails.
    """
    with _as_bad_input(f"{factory} cannot create the environment"):
        env = make_env(factory, num_envs=len(dump.envs), device="cpu", options=options)
        result = env.reset(seed=0) if accepts(env.reset, seed=0) else env.reset()
        uses_numpy = holds_arrays(result[0] if isinstance(result, tuple) and result else result)
    own = ReplayEnv(
        env=env,
        uses_numpy=uses_numpy,
        num_envs=len(dump.envs),
        with_state=dump.metadata["bad"]["tensor"].startswith("state/"),
    )
    with closing(own):
        yield own
