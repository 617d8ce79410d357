"""Step a fresh environment through what was recorded, and see whether it happens again and what prevents it."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stepscope._common.callables import resolve_callable
from stepscope.errors import BadInputError
from stepscope.nans._flatten import name_parts
from stepscope.nans._foreign import attribute
from stepscope.nans._replay_env import NO_SNAPSHOT, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepscope.nans._dump import Dump

__all__ = ["Cure", "Replay", "bisect", "replay"]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """How a replay went.

    Attributes
    ----------
    begin
        The vector step after which it began.
    steps
        How many steps it took.
    differs
        The first step that returned something else than was recorded, bit for bit, or to the digits that were kept of
        older steps; None if none did.
    bad_step
        The first step in which something of the bad environment was not finite, or huge in the same tensor; None if
        none.
    """

    begin: int
    steps: int
    differs: int | None
    bad_step: int | None


@dataclass(frozen=True, kw_only=True)
class Cure:
    """What was changed, and whether the bad value was gone.

    Attributes
    ----------
    change
        In words.
    cures
        Whether nothing of the bad environment was bad any more, over as many steps.
    bad_step
        The first step in which something was bad all the same, or None.
    problem
        Why it could not be tried, or None.
    """

    change: str
    cures: bool
    bad_step: int | None
    problem: str | None = None


def replay(dump: Dump, factory: str, *, options: Mapping[str, Any] | None = None) -> Replay:
    """Put a fresh environment into the recorded state and step it with the recorded actions.

    Parameters
    ----------
    dump
        What was recorded; with a snapshot, which the environment's ``snapshot()`` gave.
    factory
        ``module:factory`` of the same environment, which has ``restore(snapshot)``.
    options
        Keyword arguments of the factory besides ``num_envs``, those of the recorded one.

    Returns
    -------
    Replay
        Whether it went the same way, bit for bit.

    Raises
    ------
    BadInputError
        There is no snapshot before the bad value, or the environment cannot be made or put into it.
    """
    env = made(dump, factory, options or {})
    env.restore(dump)
    begin, rows = _rows(dump)
    differs = bad_step = None
    for row in rows:
        step = int(dump.steps[row])
        found = env.step(_actions(dump, row))
        if differs is None and not _is_as_recorded(dump, row, found):
            differs = step
        if bad_step is None and _is_bad(dump, found):
            bad_step = step
    return Replay(begin=begin, steps=len(rows), differs=differs, bad_step=bad_step)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One thing that is changed: options of the factory, the actions, or the state that it begins in."""

    words: str
    options: Mapping[str, Any]
    actions: Callable[[Tensor], Tensor] = lambda actions: actions  # what is not a whole number
    clean: bool = False


def bisect(dump: Dump, factory: str, *, options: Mapping[str, Any] | None = None) -> list[Cure]:
    """Replay with one thing changed at a time, as far as the factory has the option for it.

    Actions of half the size, and actions clipped to three times what is usual in the dump; a timestep halved while the
    time between actions stays; four times as many iterations of the solver, and four times the room for contacts; and a
    start from a reset in place of the recorded state.

    Raises
    ------
    BadInputError
        As of :func:`replay`.
    """
    return [_tried(dump, factory, change) for change in _changes(dump, factory, dict(options or {}))]


def _tried(dump: Dump, factory: str, change: _Change) -> Cure:
    try:
        bad_step = _bad_step(dump, factory, change)
    except BadInputError as error:  # the others may still go
        return Cure(change=change.words, cures=False, bad_step=None, problem=str(error))
    return Cure(change=change.words, cures=bad_step is None, bad_step=bad_step)


def _bad_step(dump: Dump, factory: str, change: _Change) -> int | None:
    env = made(dump, factory, change.options)
    if not change.clean:
        env.restore(dump)
    for row in _rows(dump)[1]:
        actions = _actions(dump, row)
        changed = {
            name: change.actions(each) if each.is_floating_point() else each for name, each in actions.items()
        }
        if _is_bad(dump, env.step(changed)):
            return int(dump.steps[row])
    return None


def _changes(dump: Dump, factory: str, given: Mapping[str, Any]) -> list[_Change]:
    try:
        taken: Mapping[str, inspect.Parameter] = inspect.signature(resolve_callable(factory)).parameters
    except (TypeError, ValueError):  # some of those written in C do not say
        taken = {}

    def now(name: str) -> Any:  # noqa: ANN401 - whatever the factory takes
        if name in given:
            return given[name]
        return taken[name].default if name in taken else None

    changes = list(_milder(dump, given))
    if isinstance(now("timestep"), float) and isinstance(now("substeps"), int):
        finer = _finer(dump, factory, given, now("timestep"), now("substeps"))
        changes.append(_Change(words="half the timestep", options=finer))
    for words, names in (
        ("four times the solver's iterations", ("iterations", "ls_iterations")),
        ("four times the room for contacts", ("njmax", "nconmax")),
    ):
        more = {name: 4 * now(name) for name in names if isinstance(now(name), int)}
        if more:
            changes.append(_Change(words=words, options={**given, **more}))
    return [*changes, _Change(words="a clean reset", options=given, clean=True)]


def _finer(
    dump: Dump, factory: str, given: Mapping[str, Any], timestep: float, substeps: int
) -> dict[str, Any]:
    """Return options for half the simulator's timestep, with as much time between two actions as before."""
    more = {**given, "substeps": 2 * substeps}
    both = {**more, "timestep": timestep / 2}
    # A factory's timestep is the simulator's as a rule, or else the time between two actions, as the cart-pole's.
    before, after = (attribute(made(dump, factory, each).env, "step_dt") for each in (given, both))
    known = isinstance(before, float) and isinstance(after, float)
    return both if not known or math.isclose(before, after) else more


def _milder(dump: Dump, given: Mapping[str, Any]) -> Iterator[_Change]:
    """Yield changes of the actions, where they have a size: half of it, or a limit where some are far beyond the usual."""
    sizes = [
        np.abs(array).ravel()
        for name, array in dump.tensors.items()
        if name_parts(name).kind == "actions" and array.dtype.kind == "f"
    ]
    if not sizes:
        return
    yield _Change(words="actions of half the size", options=given, actions=lambda actions: 0.5 * actions)
    together = np.concatenate(sizes)
    together = together[np.isfinite(together) & (together > 0)]
    limit = 3 * float(np.median(together)) if together.size else math.inf
    if together.size and together.max() > limit:
        yield _Change(
            words=f"actions clipped to {limit:.3g}",
            options=given,
            actions=lambda actions: actions.clamp(-limit, limit),
        )


def _rows(dump: Dump) -> tuple[int, list[int]]:
    """Return the step of the snapshot, and the rows from it on until all environments are reset."""
    begin = dump.about["snapshot_step"]
    if begin is None:
        raise BadInputError(NO_SNAPSHOT)
    rows = [*range(dump.about["snapshot_row"], len(dump.steps))]
    ends = [at for at, row in enumerate(rows) if dump.resets[row]]
    if ends and rows[ends[0]] <= dump.about["bad"]["row"]:
        raise BadInputError("all environments were reset after the snapshot, which a replay cannot repeat.")
    return int(begin), rows[: ends[0]] if ends else rows


def _actions(dump: Dump, row: int) -> dict[str, Tensor]:
    """Return the actions of a row as the environment had them, by agent; where there are none, by an empty name."""
    found = {}
    for name, array in dump.tensors.items():
        kind, agent, _ = name_parts(name)
        if kind == "actions" and dump.present[name][row]:
            shape = dump.about["shapes"][name]
            found[agent] = torch.from_numpy(array[row].copy()).reshape(len(dump.envs), *shape)
    if not found:
        raise BadInputError(f"the dump has no actions of step {dump.steps[row]} to step with.")
    return found


def _is_as_recorded(dump: Dump, row: int, found: Mapping[str, np.ndarray]) -> bool:
    """Compare bit for bit with what was recorded, as far as it was recorded so."""
    rounded = row < dump.about["exact_from"]
    return all(
        _same_bits(_rounded(array) if rounded else array, dump.tensors[name][row])
        for name, array in found.items()
        if name in dump.tensors and dump.present[name][row]
    )


def _rounded(array: np.ndarray) -> np.ndarray:
    """Round as a recorder rounds what is older."""
    return torch.from_numpy(array).bfloat16().float().numpy() if array.dtype == np.float32 else array


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare as bits, so that 0 differs from -0; any NaN is as good as another."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    bits = f"u{one.dtype.itemsize}"
    same = np.ascontiguousarray(one).view(bits) == np.ascontiguousarray(other).view(bits)
    return bool((same | (np.isnan(one) & np.isnan(other))).all())


def _is_bad(dump: Dump, found: Mapping[str, np.ndarray]) -> bool:
    """Whether something of the first environment, which is the bad one, is not finite, or huge where the value was."""
    limit, bad = float(dump.about["limit"]), dump.about["bad"]["tensor"]
    mine: dict[str, np.ndarray] = {name: array[0].astype(np.float64) for name, array in found.items()}
    return any(
        not np.isfinite(values).all() or (name == bad and bool((np.abs(values) > limit).any()))
        for name, values in mine.items()
    )
