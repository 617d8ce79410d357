"""Compare runs side by side, on the scopes that they have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stepscope._common.format import DASH, TIMES, format_list, format_number, format_rate, format_seconds
from stepscope.runs._quantiles import Quartiles
from stepscope.runs._rates import Rate, scope_label
from stepscope.runs._report import library_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.runs._learning import LearningCurve
    from stepscope.runs._run import RunSummary

__all__ = ["Comparison", "Row", "compare"]

_COVERS = {
    "step": "covers stepping alone",
    "rollout": "covers stepping and inference",
    "total": "covers an iteration, rollout and update",
    "cumulative": "covers everything since training began, including the cold first iteration",
    "bar": "is that of a progress bar, smoothed and in vector steps",
}
_Key = tuple[str, str]  # a scope and its unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One quantity of all runs.

    Attributes
    ----------
    label
        Its name; empty if the row belongs to the one above.
    cells
        A text for each run.
    """

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Runs side by side.

    Attributes
    ----------
    rows
        Ratios are to the first run that has the quantity.
    notes
        Sentences: what was not compared and why, what was derived, and what to keep in mind.
    compared
        Whether there is anything that two runs have in common.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    compared: bool


def compare(runs: Sequence[tuple[str, RunSummary]], *, curves: Sequence[LearningCurve] = ()) -> Comparison:
    """Compare runs on the scopes that they have in common.

    Parameters
    ----------
    runs
        Each with the name that it is called by.
    curves
        The learning curve of each run, to compare when they reached a reward.
    """
    summaries = [summary for _, summary in runs]
    rates = [_rates(summary) for summary in summaries]
    common = {key for key in _keys(rates) if sum(key in mine for mine in rates) > 1}
    shares = [summary.time for summary in summaries if summary.time is not None]
    rows = (
        *_counts(summaries),
        *_speeds(rates),
        *_updates(summaries),
        *_times(summaries),
        *_results(summaries),
        *_reached(curves),
    )
    return Comparison(
        rows=rows,
        notes=(*_notes(runs, rates, common), *_curve_notes(runs, curves)),
        compared=bool(common) or len(shares) > 1 or sum(curve.first is not None for curve in curves) > 1,
    )


def _rates(run: RunSummary) -> dict[_Key, Rate]:
    """Return the rates of a run by scope and unit, a printed one before a derived one."""
    rates: dict[_Key, Rate] = {}
    for rate in run.rates:
        rates.setdefault((rate.scope, rate.unit), rate)
    for _, reported in run.reported:
        for scope, value in reported:
            mean = Quartiles(median=value, low=value, high=value, count=1)
            rate = Rate(scope=scope, warm=mean, first=value, last=value)
            rates.setdefault((scope, rate.unit), rate)
    bar = rates.get(("bar", "env steps/s"))
    if bar is not None and run.outcome == "finished":
        # The last bar of a run that is complete tells the rate of all of it, and no longer the smoothed one.
        rates[("cumulative", bar.unit)] = replace(bar, scope="cumulative", warm=None)
    return rates


def _keys(rates: Sequence[dict[_Key, Rate]]) -> list[_Key]:
    keys = dict.fromkeys(key for mine in rates for key in mine)
    return sorted(keys, key=lambda key: (list(_COVERS).index(key[0]), key[1] != "env steps/s"))


def _counts(runs: Sequence[RunSummary]) -> Iterator[Row]:
    yield Row(label="library", cells=tuple(library_label(run) for run in runs))
    yield Row(label="ended", cells=tuple(run.outcome for run in runs))
    for unit in dict.fromkeys(run.unit for run in runs):
        mine = [run if run.unit == unit else None for run in runs]
        yield Row(label=f"{unit}s", cells=tuple(DASH if run is None else _done(run) for run in mine))
    steps = [run.env_steps_corrected or run.env_steps for run in runs]
    yield Row(label="env steps", cells=tuple(map(_whole, steps)))
    yield Row(label="  an iteration", cells=tuple(_whole(run.env_steps_per_iteration) for run in runs))


def _done(run: RunSummary) -> str:
    return _whole(run.done) + ("" if run.planned is None else f" of {run.planned:,}")


def _whole(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def _speeds(rates: Sequence[dict[_Key, Rate]]) -> Iterator[Row]:
    for key in _keys(rates):
        scope, unit = key
        mine = [of_run.get(key) for of_run in rates]
        yield Row(label=f"{scope_label(scope)}, {unit}", cells=tuple(_speed(rate, mine) for rate in mine))
        ranges = [_iqr(rate) for rate in mine]
        if any(ranges):
            yield Row(label="  IQR", cells=tuple(text or DASH for text in ranges))


def _speed(rate: Rate | None, others: Sequence[Rate | None]) -> str:
    if rate is None:
        return DASH
    first = next(other for other in others if other is not None)
    base = first.typical  # a library that rounds prints 0 for less than a step a second
    ratio = f" ({rate.typical / base:.2f}{TIMES})" if base and rate is not first else ""
    cold = " cold" if rate.warm is None and rate.scope != "cumulative" else ""
    return f"{format_rate(rate.typical)}{' derived' * rate.derived}{cold}{ratio}"


def _iqr(rate: Rate | None) -> str:
    if rate is None or rate.quartiles is None or rate.quartiles.count == 1:
        return ""
    return f"{format_rate(rate.quartiles.low)}{DASH}{format_rate(rate.quartiles.high)}"


def _updates(runs: Sequence[RunSummary]) -> Iterator[Row]:
    labels = {"per_env_step": "updates per 1,000 env steps", "passes": "passes over a rollout"}
    for name, label in labels.items():
        updates = [None if getattr(run.updates, name, None) is None else run.updates for run in runs]
        if any(updates):
            yield Row(label=label, cells=tuple(DASH if each is None else each.format() for each in updates))


def _times(runs: Sequence[RunSummary]) -> Iterator[Row]:
    times = [run.time for run in runs]
    for label, name in (
        ("time in the rollout", "collect"),
        ("  in stepping", "step"),
        ("  in inference", "inference"),
        ("time in learning", "learn"),
    ):
        shares = [None if time is None else getattr(time, name) for time in times]
        if any(share is not None for share in shares):
            cells = (DASH if share is None else f"{share:.0%}" for share in shares)
            yield Row(label=label, cells=tuple(cells))


def _results(runs: Sequence[RunSummary]) -> Iterator[Row]:
    if any(run.reward for run in runs):
        cells = (DASH if run.reward is None else format_number(run.reward.last) for run in runs)
        yield Row(label="reward, last mean", cells=tuple(cells))
    best = [run.best_reward or run.reward for run in runs]
    if any(best):
        cells = (DASH if trend is None else format_number(trend.best) for trend in best)
        yield Row(label="reward, best mean", cells=tuple(cells))
    yield Row(label="failures", cells=tuple(f"{run.kinds.get('failure', 0):,}" for run in runs))


def _reached(curves: Sequence[LearningCurve]) -> Iterator[Row]:
    """Yield how long each run took to the reward that its curve looks for, and how many samples."""
    until = next((curve.until for curve in curves if curve.until is not None), None)
    if until is None:
        return
    points = [curve.reached for curve in curves]
    first = next((point for point in points if point is not None), None)
    seconds, steps = [], []
    for curve, point in zip(curves, points, strict=True):
        if point is None or first is None:
            missing = DASH if curve.first is None else "not reached"
            seconds.append(missing)
            steps.append(missing)
            continue
        seconds.append(format_seconds(point.seconds) + _ratio(point.seconds, first.seconds, point is first))
        steps.append(f"{point.env_steps:,}" + _ratio(point.env_steps, first.env_steps, point is first))
    yield Row(label=f"time to reward {format_number(until)}", cells=tuple(seconds))
    yield Row(label="  env steps", cells=tuple(steps))


def _ratio(value: float, base: float, is_base: bool) -> str:  # noqa: FBT001 - private
    return "" if is_base or not base else f" ({value / base:.2f}{TIMES})"


def _curve_notes(runs: Sequence[tuple[str, RunSummary]], curves: Sequence[LearningCurve]) -> Iterator[str]:
    """Yield which runs have no learning curve, and what the times of the others cover."""
    missing = [run for run, curve in zip(runs, curves, strict=False) if curve.first is None]
    if missing:
        silent = any(library == "skrl" for _, summary in missing for library, _ in summary.libraries)
        yield (
            f"{format_list([name for name, _ in missing])}: no learning curve, since the log does not hold rewards"
            " together with times and environment steps."
            + " skrl writes rewards into its event files only."
            * silent
        )
    if any(curve.first is not None for curve in curves):
        yield (
            "Seconds are those of the printed rollouts and updates; the time before the first iteration is left out."
        )
    if any(curve.announced and curve.first is not None for curve in curves):
        yield "RL-Games prints the best mean reward so far, and only when it rises; the others print each mean."


def _notes(
    runs: Sequence[tuple[str, RunSummary]], rates: Sequence[dict[_Key, Rate]], common: set[_Key]
) -> Iterator[str]:
    yield from _incomparable(runs, rates, common)
    yield from _overlaps(runs, rates)
    if ("bar", "vector steps/s") in common and ("bar", "env steps/s") not in common:
        yield "Vector steps compare only between runs with the same number of environments; pass it with --num-envs N."
    if any(run.reported for _, run in runs):
        yield "A benchmark reports the mean of all its iterations."
    if any(rate.derived for mine in rates for key, rate in mine.items() if key in common):
        yield (
            "Derived rates are computed from printed numbers; a rate over all iterations excludes the time between"
            " them, such as that of saving."
        )
    if sum(bool(run.reward or run.best_reward) for _, run in runs) > 1:
        yield "Rewards compare only between runs of one task with one reward; rates only between runs on one machine."


def _overlaps(runs: Sequence[tuple[str, RunSummary]], rates: Sequence[dict[_Key, Rate]]) -> Iterator[str]:
    """Yield where two rates differ by less than each of them varies."""
    for key, first in rates[0].items():
        for (name, _), mine in zip(runs[1:], rates[1:], strict=True):
            one, other = first.quartiles, mine[key].quartiles if key in mine else None
            if one is not None and other is not None and one.low <= other.high and other.low <= one.high:
                yield (
                    f"{_label(key)} of {runs[0][0]} and {name}: the IQRs overlap, so that the runs may be equally"
                    " fast."
                )


def _incomparable(
    runs: Sequence[tuple[str, RunSummary]], rates: Sequence[dict[_Key, Rate]], common: set[_Key]
) -> Iterator[str]:
    """Yield why a run whose printed rates cover other things than those of the first is not compared."""
    name, first = runs[0]
    own = _printed(rates[0])
    for (other, run), mine in zip(runs[1:], rates[1:], strict=True):
        theirs = _printed(mine)
        if not own or not theirs:
            yield f"{other if own else name} holds no rate."
        elif not own & theirs:
            (scope, _), (scope_2, _) = _widest(own), _widest(theirs)
            shared = [
                key for key in _keys([rates[0], mine]) if key in common and key in rates[0] and key in mine
            ]
            instead = (
                f"compared instead: {' and '.join(_label(key) for key in shared)}, derived if it is not printed."
                if shared
                else _advice(first, run)
            )
            yield (
                f"{_label(_widest(own))} of {name} and {_label(_widest(theirs))} of {other} are not compared: the"
                f" first {_COVERS[scope]}, the second {_COVERS[scope_2]}; {instead}"
            )


def _printed(rates: dict[_Key, Rate]) -> set[_Key]:
    return {key for key, rate in rates.items() if not rate.derived}


def _widest(keys: set[_Key]) -> _Key:
    return max(keys, key=lambda key: list(_COVERS).index(key[0]))


def _label(key: _Key) -> str:
    return f"{'the ' * (key[0] == 'bar')}{scope_label(key[0])}"


def _advice(*runs: RunSummary) -> str:
    if any(rate.unit == "vector steps/s" for run in runs for rate in run.rates):
        return "give --num-envs N, which turns vector steps into environment steps."
    return "they share no scope."
