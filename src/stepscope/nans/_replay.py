"""Replay of a dump in a new environment, as recorded or with one thing changed."""

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
from stepscope.nans._foreign import safe_getattr
from stepscope.nans._names import parse_tensor_name
from stepscope.nans._replay_env import NO_SNAPSHOT, make_replay_env

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepscope.nans._dump import Dump

__all__ = ["Replay", "Trial", "replay", "try_interventions"]

_TIMESTEPS = (("timestep", "substeps"), ("sim.dt", "decimation"), ("sim.mujoco.timestep", "decimation"))
"""Simulator's timestep, and its number between two actions: of this guide's factories, of Isaac Lab, of mjlab."""
_SOLVERS = ("", "sim.physics.solver_cfg.", "sim.mujoco.", "sim.")
_ITERATIONS = tuple(f"{solver}{name}" for solver in _SOLVERS for name in ("iterations", "ls_iterations"))
_CAPACITIES = tuple(f"{solver}{name}" for solver in _SOLVERS for name in ("njmax", "nconmax"))


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Result of a replay.

    Attributes
    ----------
    begin
        Vector step after which it began.
    steps
        Number of steps.
    differs
        First step whose result differs from the recorded one, bit for bit, or in the digits that were kept of older
        steps; None if none does.
    own_differs
        The same for the results of the bad environment alone: where episodes begin at random, others may differ first.
    difference
        Largest absolute difference of its results in that step; 0 where none differs, infinity where one is not finite.
    bad_step
        First step in which a value of the bad environment was not finite, or huge in the same tensor; None if none.
    """

    begin: int
    steps: int
    differs: int | None
    own_differs: int | None
    difference: float
    bad_step: int | None


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Replay with one thing changed.

    Attributes
    ----------
    change
        What was changed.
    prevents
        Whether no value of the bad environment was bad any more, over as many steps.
    bad_step
        First step with a bad value, or None.
    problem
        Reason why it could not be tried, or None.
    """

    change: str
    prevents: bool
    bad_step: int | None
    problem: str | None = None


def replay(dump: Dump, factory: str, *, options: Mapping[str, Any] | None = None) -> Replay:
    """Restore the recorded state in a new environment and step it with the recorded actions.

    Parameters
    ----------
    dump
        Dump with a snapshot, from the environment's ``snapshot()``.
    factory
        ``module:factory`` of the same environment, which has ``restore(snapshot)``.
    options
        Keyword arguments of the factory besides ``num_envs``, those of the recorded one.

    Returns
    -------
    Replay
        Whether the results were the same, bit for bit.

    Raises
    ------
    BadInputError
        There is no snapshot before the bad value, or the environment cannot be created or restored.
    """
    with make_replay_env(dump, factory, options or {}) as env:
        env.restore(dump)
        begin, rows = _rows(dump)
        differs = own_differs = bad_step = None
        difference = 0.0
        for row in rows:
            step = int(dump.steps[row])
            result = env.step(_actions(dump, row))
            if differs is None and not _equals_recorded(dump, row, result):
                differs = step
            if own_differs is None and not _equals_recorded(dump, row, result, slice(1)):
                own_differs, difference = step, _largest_difference(dump, row, result)
            if bad_step is None and _is_bad(dump, result):
                bad_step = step
    return Replay(
        begin=begin,
        steps=len(rows),
        differs=differs,
        own_differs=own_differs,
        difference=difference,
        bad_step=bad_step,
    )


@dataclass(frozen=True, kw_only=True)
class _Change:
    """Change of the factory's options, of the actions, or of the initial state."""

    description: str
    options: Mapping[str, Any]
    actions: Callable[[Tensor], Tensor] = lambda actions: actions  # those that are floats
    from_reset: bool = False


def try_interventions(dump: Dump, factory: str, *, options: Mapping[str, Any] | None = None) -> list[Trial]:
    """Replay a dump with one thing changed at a time, as far as the factory has the option for it.

    Actions halved, and clipped to three times their median in the dump; the timestep halved while the time between
    actions stays; four times the solver iterations, and four times the contact capacity; and a start from a reset
    in place of the recorded state.

    Raises
    ------
    BadInputError
        As of :func:`replay`.
    """
    return [_try(dump, factory, change) for change in _changes(dump, factory, dict(options or {}))]


def _try(dump: Dump, factory: str, change: _Change) -> Trial:
    try:
        bad_step = _bad_step(dump, factory, change)
    except BadInputError as error:  # other changes may still work
        return Trial(change=change.description, prevents=False, bad_step=None, problem=str(error))
    return Trial(change=change.description, prevents=bad_step is None, bad_step=bad_step)


def _bad_step(dump: Dump, factory: str, change: _Change) -> int | None:
    with make_replay_env(dump, factory, change.options) as env:
        if not change.from_reset:
            env.restore(dump)
        for row in _rows(dump)[1]:
            actions = _actions(dump, row)
            changed = {
                name: change.actions(values) if values.is_floating_point() else values
                for name, values in actions.items()
            }
            if _is_bad(dump, env.step(changed)):
                return int(dump.steps[row])
    return None


def _changes(dump: Dump, factory: str, options: Mapping[str, Any]) -> list[_Change]:
    current = _settings(dump, factory, options)
    changes = list(_smaller_actions(dump, options))
    for timestep, substeps in _TIMESTEPS:
        if isinstance(current(timestep), float) and isinstance(current(substeps), int):
            finer = _smaller_timestep(
                dump, factory, options, {timestep: current(timestep), substeps: current(substeps)}
            )
            changes.append(_Change(description="half the timestep", options=finer))
    for description, names in (
        ("four times the solver's iterations", _ITERATIONS),
        ("four times the contact capacity", _CAPACITIES),
    ):
        more = {name: 4 * current(name) for name in names if isinstance(current(name), int)}
        if more:
            changes.append(_Change(description=description, options={**options, **more}))
    return [*changes, _Change(description="a clean reset", options=options, from_reset=True)]


def _settings(dump: Dump, factory: str, options: Mapping[str, Any]) -> Callable[[str], Any]:
    """Return a function that looks up a setting: an option, a default of the factory, or the environment's ``cfg``.

    The last is looked at where the factory takes any option, as those of Isaac Lab and mjlab do.
    """
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(resolve_callable(factory)).parameters
    except (TypeError, ValueError):  # some callables written in C have no signature
        parameters = {}
    config = None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        with make_replay_env(dump, factory, options) as env:
            config = safe_getattr(safe_getattr(env.env, "unwrapped", env.env), "cfg")

    def current(name: str) -> Any:  # noqa: ANN401 - whatever the factory takes
        if name in options:
            return options[name]
        if name in parameters:
            return parameters[name].default
        value = config
        for part in name.split("."):
            value = safe_getattr(value, part)
        return value

    return current


def _smaller_timestep(
    dump: Dump, factory: str, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return options for half the simulator's timestep, with the same time between two actions."""
    (timestep, seconds), (substeps, count) = settings.items()
    more = {**options, substeps: 2 * count}
    both = {**more, timestep: seconds / 2}
    # A factory's timestep is usually the simulator's, but may be the time between two actions, as the cart-pole's is.
    before, after = (_step_dt(dump, factory, changed) for changed in (options, both))
    known = isinstance(before, float) and isinstance(after, float)
    return both if not known or math.isclose(before, after) else more


def _step_dt(dump: Dump, factory: str, options: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever it is
    with make_replay_env(dump, factory, options) as env:
        return safe_getattr(env.env, "step_dt")


def _smaller_actions(dump: Dump, options: Mapping[str, Any]) -> Iterator[_Change]:
    """Yield changes of actions that are floats: halved, and clipped where some are far beyond the median."""
    sizes = [
        np.abs(array).ravel()
        for name, array in dump.tensors.items()
        if parse_tensor_name(name).kind == "actions" and array.dtype.kind == "f"
    ]
    if not sizes:
        return
    yield _Change(
        description="actions of half the size", options=options, actions=lambda actions: 0.5 * actions
    )
    magnitudes = np.concatenate(sizes)
    magnitudes = magnitudes[np.isfinite(magnitudes) & (magnitudes > 0)]
    limit = 3 * float(np.median(magnitudes)) if magnitudes.size else math.inf
    if magnitudes.size and magnitudes.max() > limit:
        yield _Change(
            description=f"actions clipped to {limit:.3g}",
            options=options,
            actions=lambda actions: actions.clamp(-limit, limit),
        )


def _rows(dump: Dump) -> tuple[int, list[int]]:
    """Return the step of the snapshot, and the rows from there until all environments are reset."""
    begin = dump.metadata["snapshot_step"]
    if begin is None:
        raise BadInputError(NO_SNAPSHOT)
    rows = [*range(dump.metadata["snapshot_row"], len(dump.steps))]
    ends = [at for at, row in enumerate(rows) if dump.resets[row]]
    if ends and rows[ends[0]] <= dump.metadata["bad"]["row"]:
        raise BadInputError("all environments were reset after the snapshot, which a replay cannot repeat.")
    return int(begin), rows[: ends[0]] if ends else rows


def _actions(dump: Dump, row: int) -> dict[str, Tensor]:
    """Return the actions of a row in their own shape, by agent; of a single agent under an empty name."""
    actions = {}
    for name, array in dump.tensors.items():
        kind, agent, _ = parse_tensor_name(name)
        if kind == "actions" and dump.present[name][row]:
            shape = dump.metadata["shapes"][name]
            actions[agent] = torch.from_numpy(array[row].copy()).reshape(len(dump.envs), *shape)
    if not actions:
        raise BadInputError(f"the dump has no actions of step {dump.steps[row]} to step with.")
    return actions


def _equals_recorded(
    dump: Dump, row: int, result: Mapping[str, np.ndarray], envs: slice = slice(None)
) -> bool:
    """Compare with the recorded row, bit for bit or to the digits that were kept."""
    rounded = row < dump.metadata["exact_from"]
    return all(
        _same_bits((_rounded(array) if rounded else array)[envs], dump.tensors[name][row][envs])
        for name, array in result.items()
        if name in dump.tensors and dump.present[name][row]
    )


def _largest_difference(dump: Dump, row: int, result: Mapping[str, np.ndarray]) -> float:
    """Return the largest absolute difference of the first environment's results from the recorded ones."""
    largest = 0.0
    for name, array in result.items():
        recorded = dump.tensors.get(name)
        if recorded is None or not dump.present[name][row] or array[0].shape != recorded[row][0].shape:
            continue
        with np.errstate(all="ignore"):
            differences = np.abs(array[0].astype(np.float64) - recorded[row][0].astype(np.float64))
        both_nan = np.isnan(array[0]) & np.isnan(recorded[row][0])
        differences = np.where(np.isfinite(differences), differences, np.where(both_nan, 0.0, np.inf))
        largest = max(largest, float(differences.max(initial=0.0)))
    return largest


def _rounded(array: np.ndarray) -> np.ndarray:
    """Round as a recorder rounds older rows."""
    return torch.from_numpy(array).bfloat16().float().numpy() if array.dtype == np.float32 else array


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Compare as bits, so that 0 differs from -0; all NaN are equal."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    bits = f"u{one.dtype.itemsize}"
    same = np.ascontiguousarray(one).view(bits) == np.ascontiguousarray(other).view(bits)
    return bool((same | (np.isnan(one) & np.isnan(other))).all())


def _is_bad(dump: Dump, result: Mapping[str, np.ndarray]) -> bool:
    """Whether a value of the first environment, the bad one, is not finite, or huge in the same tensor."""
    limit, bad = float(dump.metadata["limit"]), dump.metadata["bad"]["tensor"]
    own: dict[str, np.ndarray] = {name: array[0].astype(np.float64) for name, array in result.items()}
    return any(
        not np.isfinite(values).all() or (name == bad and bool((np.abs(values) > limit).any()))
        for name, values in own.items()
    )
