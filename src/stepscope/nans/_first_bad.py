"""Search for the first bad value in a recorded history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from stepscope.nans._names import parse_tensor_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from stepscope.nans._ring import History

__all__ = ["BadValue", "Kind", "bad_in_last_row", "count_bad_envs", "find_first_bad", "sort_causally"]

Kind = Literal["NaN", "infinity", "huge"]

# Cause before effect within a step: it begins with the action, and rewards follow from the rest.
_ORDER = ("actions", "state", "observations", "rewards")


@dataclass(frozen=True, kw_only=True)
class BadValue:
    """A value that is NaN, infinite or implausibly large.

    Attributes
    ----------
    row
        Row of the history.
    step
        Call of ``step()`` in which it appeared, from 1; of a reset, the step before it.
    env
        Index of the environment.
    tensor
        ``actions``, ``rewards``, ``observations``, ``state/NAME``, or a group such as ``observations/policy``.
    column
        Index of the column.
    value
        Value itself.
    """

    row: int
    step: int
    env: int
    tensor: str
    column: int
    value: float

    @property
    def kind(self) -> Kind:
        """Kind of bad value."""
        return "NaN" if math.isnan(self.value) else "infinity" if math.isinf(self.value) else "huge"


def sort_causally(names: Mapping[str, object] | tuple[str, ...]) -> list[str]:
    """Return names of tensors, causes before effects within a step."""
    known = [name for name in names if parse_tensor_name(name).kind in _ORDER]
    return sorted(known, key=lambda name: _ORDER.index(parse_tensor_name(name).kind))


def find_first_bad(
    history: History,
    limits: Mapping[str, float],
    *,
    since: int = 0,
    huge: bool = True,
    env: int | None = None,
) -> BadValue | None:
    """Return the first bad value: in the earliest step, causes before effects.

    Parameters
    ----------
    history
        Recorded rows.
    limits
        Largest magnitude that is not huge, by tensor; infinity by default.
    since
        First row to search; earlier ones are known to be good.
    huge
        Whether huge values count, or only NaN and infinity.
    env
        Environment to search; None searches all.
    """
    candidates = []
    for rank, name in enumerate(sort_causally(tuple(history.tensors))):
        values = history.tensors[name][since:]
        limit = limits.get(name, math.inf) if huge else math.inf
        bad = _bad_mask(values, limit)
        if env is not None:
            bad[:, torch.arange(bad.shape[1], device="cpu") != env] = False
        rows = bad.flatten(1).any(1)
        if rows.any():
            candidates.append((int(rows.int().argmax()), rank, name, bad))
    if not candidates:
        return None
    row, _, name, bad = min(candidates, key=lambda candidate: candidate[:2])
    bad_env, column = (int(index) for index in bad[row].nonzero()[0])
    row += since
    return BadValue(
        row=row,
        step=int(history.steps[row]),
        env=bad_env,
        tensor=name,
        column=column,
        value=float(history.tensors[name][row, bad_env, column]),
    )


def _bad_mask(values: Tensor, limit: float) -> Tensor:
    if not values.is_floating_point():
        return torch.zeros_like(values, dtype=torch.bool)
    # In double precision, as limits are: a lower one could round them to infinity. NaN compares as false with all.
    return ~(values.double().abs() <= limit) | values.isinf()


def count_bad_envs(history: History, limits: Mapping[str, float], *, since: int) -> Iterator[int]:
    """Yield the number of environments with a bad value in each row from `since` on."""
    yield from (int(count) for count in _bad_rows(history, limits, since).sum(1))


def bad_in_last_row(history: History, limits: Mapping[str, float]) -> Iterator[int]:
    """Yield the environments with a bad value other than an action in the last row."""
    last = _bad_rows(history, limits, len(history.steps) - 1, exclude="actions")[-1]
    yield from (int(env) for env in last.nonzero().flatten())


def _bad_rows(history: History, limits: Mapping[str, float], since: int, *, exclude: str = "") -> Tensor:
    """Return (rows, N) bool, whether an environment has a bad value in a row."""
    names = [name for name in sort_causally(tuple(history.tensors)) if name != exclude]
    return torch.stack(
        [_bad_mask(history.tensors[name][since:], limits.get(name, math.inf)).any(2) for name in names]
    ).any(0)
