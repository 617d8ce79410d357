"""Report on a search: a table of what was tried, the finals, a recommendation or none, JSON."""

from __future__ import annotations

import math
import shlex
import sys
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.format import (
    DASH,
    format_bytes,
    format_count,
    format_duration,
    format_list,
    format_number,
    format_seconds,
)
from stepscope._common.report import ReportLine
from stepscope.logs import library_name
from stepscope.plan.tune._finals import CONFIDENCE, decide, mean_interval
from stepscope.plan.tune._space import SEED, fill, format_values, takes_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.plan.tune._finals import Decision, Interval
    from stepscope.plan.tune._space import Values
    from stepscope.plan.tune._study import FinalRun, Study, Task, Tried
    from stepscope.plan.tune._trial import Outcome

__all__ = ["Finalist", "Tuning", "conclude", "format_rows", "report", "to_json"]

_ROWS = 15  # trials that the table shows
_SAME = 0.05  # share by which two amounts of memory may differ and still be the same


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """One of the best settings, and its runs with fresh seeds.

    Attributes
    ----------
    values
        Of the placeholders.
    runs
        With the seeds that all finalists have run, in the same order.
    costs
        Of each run: seconds to the threshold, or the mean reward negated.
    """

    values: Values
    runs: tuple[Outcome, ...]
    costs: tuple[float, ...]

    @property
    def interval(self) -> Interval:
        """Mean cost and its interval."""
        return mean_interval(self.costs)

    @property
    def peak_bytes(self) -> int:
        """Median of the peak memory of its runs, of the GPU if it uses one."""
        return round(median(_memory(run) for run in self.runs))

    @property
    def reached(self) -> int:
        """Runs that reached the threshold."""
        return sum(run.status == "reached" for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a search has come to.

    Attributes
    ----------
    task
        What was searched.
    library
        The library that trained.
    tried
        All finished trials, in their order.
    finalists
        The best settings with their runs; empty if there were none.
    decision
        Which of them is the best, and which are not distinguishable from it; None without finals.
    seconds
        Time of all runs together.
    refused, too_large
        Combinations that the library refuses, and others that are beyond the memory.
    """

    task: Task
    library: str | None
    tried: tuple[Tried, ...]
    finalists: tuple[Finalist, ...]
    decision: Decision | None
    seconds: float
    refused: int = 0
    too_large: int = 0

    @property
    def tied(self) -> tuple[Finalist, ...]:
        """The best finalist, and those that are not distinguishable from it."""
        return () if self.decision is None else tuple(self.finalists[place] for place in self.decision.tied)

    @property
    def recommended(self) -> Finalist | None:
        """The one setting that is better than the other finalists; None if none is distinguishable."""
        return self.tied[0] if len(self.tied) == 1 and len(self.finalists) > 1 else None

    @property
    def choice(self) -> Finalist | None:
        """The setting to use: the best of those that are not distinguishable from it and need no more memory than they must."""
        least = min((finalist.peak_bytes for finalist in self.tied), default=0)
        frugal = [finalist for finalist in self.tied if finalist.peak_bytes <= (1 + _SAME) * least]
        return min(frugal, key=lambda finalist: fmean(finalist.costs), default=None)


def conclude(study: Study, task: Task) -> Tuning:
    """Return what a study has come to so far."""
    by_values: dict[str, list[FinalRun]] = {}
    for run in study.final_runs:
        by_values.setdefault(format_values(run.values), []).append(run)
    groups = [by_values.get(format_values(one.values), []) for one in study.finalists()]
    groups = [group for group in groups if group]
    seeds = sorted(set.intersection(*({run.seed for run in group} for group in groups))) if groups else []
    finalists = []
    for group in groups if seeds else []:
        outcomes = {run.seed: run.outcome for run in group}
        runs = tuple(outcomes[seed] for seed in seeds)
        costs = tuple(task.cost(run) for run in runs)
        finalists.append(Finalist(values=group[0].values, runs=runs, costs=costs))
    refused, too_large = study.left_out()
    return Tuning(
        task=task,
        library=study.library,
        tried=tuple(study.tried),
        finalists=tuple(finalists),
        decision=decide([finalist.costs for finalist in finalists]) if finalists else None,
        seconds=study.seconds,
        refused=refused,
        too_large=too_large,
    )


def _memory(outcome: Outcome) -> int:
    return outcome.device_bytes or outcome.host_bytes


def format_rows(tuning: Tuning) -> list[tuple[str, ...]]:
    """Return the trials as rows of text, the best first, under a header."""
    task = tuning.task
    goal = "mean reward" if task.until is None else f"s to {format_number(task.until)}"
    names = [dimension.name for dimension in task.space.dimensions]
    rows: list[tuple[str, ...]] = [(*names, goal, "best reward", "memory", "trained", "")]
    ordered = sorted(tuning.tried, key=lambda one: (one.score is None, -(one.score or 0.0)))
    for one in ordered[:_ROWS]:
        outcome = one.outcome
        rows.append(
            (
                *(str(one.values[name]) for name in names),
                _goal(task, outcome),
                format_number(outcome.best_reward),
                format_bytes(_memory(outcome)),
                format_seconds(outcome.seconds),
                _status(outcome),
            )
        )
    return rows


def _goal(task: Task, outcome: Outcome) -> str:
    if task.until is None:
        return format_number(outcome.mean_reward) if outcome.ok else DASH
    return f"{outcome.seconds:.3g}" if outcome.status == "reached" else DASH


def _status(outcome: Outcome) -> str:
    if outcome.status == "reached":
        return ""
    reason = f": {outcome.reason}" if outcome.reason else ""
    return printable(f"{outcome.status}{reason}", limit=60)


def report(tuning: Tuning) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    yield ReportLine("search", _describe_search(tuning))
    if tuning.refused and tuning.library is not None:
        name = library_name(tuning.library)
        yield ReportLine(
            "left out",
            f"{format_count(tuning.refused, 'combination')} that {name} cannot cut into minibatches",
        )
    if tuning.too_large:
        yield ReportLine("left out", f"{format_count(tuning.too_large, 'combination')} beyond the memory")
    failed = [one for one in tuning.tried if one.outcome.status in ("diverged", "failed", "out of memory")]
    for index, one in enumerate(failed[:3]):
        text = f"{format_values(one.values)}: {one.outcome.reason}"
        yield ReportLine("" if index else failed[0].outcome.status, text, "warn")
    yield from _describe_finals(tuning)
    yield from _recommend(tuning)
    if tuning.choice is not None:
        yield ReportLine("command", command_line(tuning.task, tuning.choice.values))


def _describe_search(tuning: Tuning) -> str:
    tried = tuning.tried
    counts = [
        (sum(one.outcome.status == status for one in tried), text)
        for status, text in (
            ("stopped", "stopped early"),
            ("diverged", "diverged"),
            ("out of memory", "out of memory"),
            ("failed", "failed"),
        )
    ]
    parts = [f"{count} {text}" for count, text in counts if count]
    shown = f"; the table has the best {_ROWS}" if len(tried) > _ROWS else ""
    combinations = tuning.task.space.combinations()
    total = "" if combinations is None else f" of {len(combinations):,} combinations"
    also = f" ({', '.join(parts)})" if parts else ""
    runs = sum(len(finalist.runs) for finalist in tuning.finalists)
    finals = f" and {format_count(runs, 'final run')}" if runs else ""
    return f"{format_count(len(tried), 'trial')}{total}{also}{finals} in {format_duration(tuning.seconds)}{shown}"


def _describe_finals(tuning: Tuning) -> Iterator[ReportLine]:
    if tuning.decision is None:
        return
    label = "finals"
    for finalist in tuning.finalists:
        yield ReportLine(
            label, f"{format_values(finalist.values)}: {_describe_finalist(tuning.task, finalist)}"
        )
        label = ""
    seeds = len(tuning.finalists[0].runs)
    yield ReportLine(
        "", f"each with the same {format_count(seeds, 'fresh seed')}; {CONFIDENCE:.0%} BCa intervals"
    )
    if not takes_seed(tuning.task.command):
        text = f"the command has no {{{SEED}}}: all runs may share one, and the intervals hold what else varies only"
        yield ReportLine("", text, "warn")


def _describe_finalist(task: Task, finalist: Finalist) -> str:
    interval = finalist.interval
    memory = format_bytes(finalist.peak_bytes)
    bad = sum(run.status in ("diverged", "failed", "out of memory") for run in finalist.runs)
    also = f", {bad} of {len(finalist.runs)} failed" if bad else ""
    if task.until is None:
        return f"mean reward {format_number(-interval.mean)} {_range(-interval.high, -interval.low)}, {memory}{also}"
    count = len(finalist.runs)
    if finalist.reached < count:
        also += (
            f"; {count - finalist.reached} of {count} did not reach it and count as {task.trial_seconds:g} s"
        )
    return f"{format_seconds(interval.mean)} {_range(interval.low, interval.high)}, {memory}{also}"


def _range(low: float, high: float) -> str:
    if math.isinf(low) or math.isinf(high):
        return "(too few seeds for an interval)"
    return f"[{format_number(low)}, {format_number(high)}]"


def _recommend(tuning: Tuning) -> Iterator[ReportLine]:
    decision = tuning.decision
    if decision is None:
        yield ReportLine("recommendation", "none: no setting has been run with fresh seeds", "warn")
        return
    best = tuning.finalists[decision.best]
    if len(tuning.finalists) == 1:
        yield ReportLine(
            "recommendation", f"none: {format_values(best.values)} is the only setting left", "warn"
        )
        return
    for difference in decision.differences:
        if difference.decided:
            other = tuning.finalists[difference.other]
            text = f"{format_values(other.values)}: {_describe_difference(tuning.task, best, difference.interval)}"
            yield ReportLine("worse", text)
    if tuning.recommended is not None:
        yield ReportLine("recommendation", format_values(best.values), "good")
        return
    names = format_list([format_short(finalist.values, tuning) for finalist in tuning.tied])
    yield ReportLine("recommendation", f"none: {names} are not distinguishable; {_by_memory(tuning)}", "warn")


def _describe_difference(task: Task, best: Finalist, interval: Interval) -> str:
    if task.until is None:
        return f"a mean reward lower by {format_number(interval.mean)} {_range(interval.low, interval.high)}"
    mean = fmean(best.costs)
    return f"{interval.mean / mean:.0%} slower [{interval.low / mean:.0%}, {interval.high / mean:.0%}]"


def format_short(values: Values, tuning: Tuning) -> str:
    """Return values as a list names them: without their name if only one is searched."""
    if len(tuning.task.space.dimensions) == 1:
        return str(next(iter(values.values())))
    return f"({format_values(values)})"


def _by_memory(tuning: Tuning) -> str:
    choice = tuning.choice
    assert choice is not None  # noqa: S101 - for the type checker
    name = format_short(choice.values, tuning)
    least = min(finalist.peak_bytes for finalist in tuning.tied)
    if max(finalist.peak_bytes for finalist in tuning.tied) <= (1 + _SAME) * least:
        return f"they need the same memory, so take any of them, such as {name}"
    return f"take {name}, which needs less memory"


def command_line(task: Task, values: Values) -> str:
    """Return the command to use, with the first seed."""
    program, *arguments = fill(task.command, values, seed=task.seed)
    return shlex.join(["python" if program == sys.executable else program, *arguments])


def to_json(tuning: Tuning, *, provenance: dict[str, Any]) -> dict[str, Any]:
    """Return all of it as JSON; the page of the command line describes the fields."""
    task, decision = tuning.task, tuning.decision
    return {
        "schema": 1,
        "command": list(task.command),
        "search": {dimension.name: dimension.text for dimension in task.space.dimensions},
        "until": task.until,
        "trial_seconds": task.trial_seconds,
        "library": tuning.library,
        "left_out": {"library": tuning.refused, "memory": tuning.too_large},
        "trials": [
            {"values": one.values, "score": one.score, **_outcome(one.outcome)} for one in tuning.tried
        ],
        "finals": [
            {
                "values": finalist.values,
                "cost": _interval(finalist.interval),
                "peak_bytes": finalist.peak_bytes,
                "runs": [
                    {"cost": _finite(cost), **_outcome(run)}
                    for cost, run in zip(finalist.costs, finalist.runs, strict=True)
                ],
            }
            for finalist in tuning.finalists
        ],
        "best": None if decision is None else tuning.finalists[decision.best].values,
        "differences": []
        if decision is None
        else [
            {"values": tuning.finalists[difference.other].values, "cost": _interval(difference.interval)}
            for difference in decision.differences
        ],
        "recommended": None if tuning.recommended is None else tuning.recommended.values,
        "tied": [finalist.values for finalist in tuning.tied],
        "use": None if tuning.choice is None else command_line(task, tuning.choice.values),
        "seconds": tuning.seconds,
        "provenance": provenance,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    fields = outcome.to_dict()
    del fields["output_tail"]
    return fields


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"mean": _finite(interval.mean), "low": _finite(interval.low), "high": _finite(interval.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
