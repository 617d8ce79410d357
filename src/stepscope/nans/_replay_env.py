"""A fresh environment in the place of a recorded one; what goes wrong in it is said in one sentence."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from stepscope._common import printable
from stepscope._common.callables import accepts, make_env
from stepscope.errors import BadInputError
from stepscope.nans._dump import as_array
from stepscope.nans._flatten import flat, is_of_arrays
from stepscope.nans._foreign import attribute, describe_error, device_of, snapshot_of
from stepscope.nans._step_layout import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from torch import Tensor

    from stepscope.nans._dump import Dump

__all__ = ["NO_SNAPSHOT", "Fresh", "made"]

NO_SNAPSHOT = "the dump has no snapshot from before the bad value; the recorded environment gave none."


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """An environment that was just reset; what goes wrong in it is said in one sentence.

    Attributes
    ----------
    env
        The environment.
    arrays
        Whether it takes and returns arrays of NumPy.
    num_envs
        How many environments it is.
    with_state
        Whether its snapshots are looked at, too: a step returns no state.
    """

    env: Any
    arrays: bool
    num_envs: int
    with_state: bool

    def restore(self, dump: Dump) -> None:
        """Put it into the recorded state."""
        restore: Callable[[Mapping[str, Any]], None] | None = attribute(self.env, "restore")
        if restore is None:
            raise BadInputError(
                f"a {type(self.env).__name__} has no restore(snapshot), so it cannot be put into a state."
            )
        if not dump.snapshot:
            raise BadInputError(NO_SNAPSHOT)
        with _said(f"a {type(self.env).__name__} does not take the snapshot of the dump"):
            restore(
                {name: self._given(torch.from_numpy(array.copy())) for name, array in dump.snapshot.items()}
            )

    def step(self, actions: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Step it; return name to (M, columns) of what is watched."""
        with _said(f"a {type(self.env).__name__} cannot be stepped with the recorded actions"):
            device = device_of(self.env)
            given = {name: self._given(each.to(device)) for name, each in actions.items()}
            result = self.env.step(_nested(given))
            rewards = result[parts_of(result).rewards]
            found = dict(flat(result[0], "observations", rows=self.num_envs))
            found |= dict(flat(rewards, "rewards", rows=self.num_envs))
            take = snapshot_of(self.env) if self.with_state else None
            if take is not None:
                found |= dict(flat(take(), "snapshot"))
            return {
                name: as_array(each.reshape(len(each), math.prod(each.shape[1:])))
                for name, each in found.items()
                if each.dim()
            }

    def _given(self, tensor: Tensor) -> Any:  # noqa: ANN401 - what it takes
        return tensor.numpy() if self.arrays else tensor


def _nested(actions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what an environment takes
    """Return actions as they were given: alone, as a tuple, or as dictionaries by agent, which may be nested."""
    if "" in actions:
        return actions[""]
    groups: dict[str, dict[str, Any]] = {}
    for name, each in actions.items():
        head, _, rest = name.partition("/")
        groups.setdefault(head, {})[rest] = each
    found = {head: _nested(group) for head, group in groups.items()}
    is_tuple = list(found) == [str(number) for number in range(len(found))]
    return tuple(found.values()) if is_tuple else found


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Say in one sentence what went wrong in somebody's environment."""
    try:
        yield
    except BadInputError:
        raise
    except (Exception, SystemExit) as error:
        raise BadInputError(f"{printable(what)}: {describe_error(error)}") from error


def made(dump: Dump, factory: str, options: Mapping[str, Any]) -> Fresh:
    """Make and reset an environment of as many as were kept.

    Raises
    ------
    BadInputError
        There is no such factory, or it fails.
    """
    with _said(f"{factory} cannot be made"):
        env = make_env(factory, num_envs=len(dump.envs), device="cpu", options=options)
        result = env.reset(seed=0) if accepts(env.reset, seed=0) else env.reset()
        arrays = is_of_arrays(result[0] if isinstance(result, tuple) and result else result)
    return Fresh(
        env=env,
        arrays=arrays,
        num_envs=len(dump.envs),
        with_state=dump.about["bad"]["tensor"].startswith("state/"),
    )
