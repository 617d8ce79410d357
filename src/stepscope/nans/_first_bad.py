"""The first bad value in what was recorded, and what stood around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from stepscope.nans._flatten import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from stepscope.nans._ring import History

__all__ = ["BadValue", "Kind", "bad_envs", "bad_now", "first_bad", "in_order"]

Kind = Literal["NaN", "infinity", "huge"]

# What comes first within a step: the action is what the step begins with, and rewards are made of what it led to.
_ORDER = ("actions", "state", "observations", "rewards")


@dataclass(frozen=True, kw_only=True)
class BadValue:
    """A value that is not finite, or larger than is credible.

    Attributes
    ----------
    row
        Where it is in the history.
    step
        The call of ``step()`` that it appeared in, from 1; of a reset, that of the step before it.
    env
        Environment, from 0.
    tensor
        ``actions``, ``rewards``, ``observations``, ``state/NAME``, or a group such as ``observations/policy``.
    column
        Which of its columns, from 0.
    value
        The value itself.
    """

    row: int
    step: int
    env: int
    tensor: str
    column: int
    value: float

    @property
    def kind(self) -> Kind:
        """What is wrong with it."""
        return "NaN" if math.isnan(self.value) else "infinity" if math.isinf(self.value) else "huge"


def in_order(names: Mapping[str, object] | tuple[str, ...]) -> list[str]:
    """Return names of tensors in the order of cause and effect within a step."""
    known = [name for name in names if name_parts(name).kind in _ORDER]
    return sorted(known, key=lambda name: _ORDER.index(name_parts(name).kind))


def first_bad(
    history: History,
    limits: Mapping[str, float],
    *,
    since: int = 0,
    finite: bool = True,
    only: int | None = None,
) -> BadValue | None:
    """Return the first bad value: of the earliest step, then in the order of cause and effect.

    Parameters
    ----------
    history
        What was recorded.
    limits
        Name of a tensor to the largest magnitude that is not huge; infinity where none is named.
    since
        The first row that is searched: what was looked at before was all right.
    finite
        Whether huge values count, or only those that are not finite.
    only
        The environment that is searched; None searches all.
    """
    found = []
    for rank, name in enumerate(in_order(tuple(history.tensors))):
        values = history.tensors[name][since:]
        limit = limits.get(name, math.inf) if finite else math.inf
        bad = _bad(values, limit)
        if only is not None:
            bad[:, torch.arange(bad.shape[1], device="cpu") != only] = False
        rows = bad.flatten(1).any(1)
        if rows.any():
            found.append((int(rows.int().argmax()), rank, name, bad))
    if not found:
        return None
    row, _, name, bad = min(found, key=lambda each: each[:2])
    env, column = (int(index) for index in bad[row].nonzero()[0])
    row += since
    return BadValue(
        row=row,
        step=int(history.steps[row]),
        env=env,
        tensor=name,
        column=column,
        value=float(history.tensors[name][row, env, column]),
    )


def _bad(values: Tensor, limit: float) -> Tensor:
    if not values.is_floating_point():
        return torch.zeros_like(values, dtype=torch.bool)
    # In double precision, as limits are: another would round them, to infinity even. NaN compares as false with all.
    return ~(values.double().abs() <= limit) | values.isinf()


def bad_envs(history: History, limits: Mapping[str, float], *, since: int) -> Iterator[int]:
    """Yield how many environments have something bad in each row from one on."""
    yield from (int(count) for count in _bad_rows(history, limits, since).sum(1))


def bad_now(history: History, limits: Mapping[str, float]) -> Iterator[int]:
    """Yield the environments in which something but the action is bad in the last row."""
    last = _bad_rows(history, limits, len(history.steps) - 1, besides="actions")[-1]
    yield from (int(env) for env in last.nonzero().flatten())


def _bad_rows(history: History, limits: Mapping[str, float], since: int, *, besides: str = "") -> Tensor:
    """Return (rows, N) bool: whether an environment has something bad in a row."""
    names = [name for name in in_order(tuple(history.tensors)) if name != besides]
    return torch.stack(
        [_bad(history.tensors[name][since:], limits.get(name, math.inf)).any(2) for name in names]
    ).any(0)
