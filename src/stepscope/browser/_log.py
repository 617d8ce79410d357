"""A log as a page: what went wrong first, the summary of each run, and its curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.downsampling import Downsampler
from stepscope.browser._issue import format_issue
from stepscope.explain import Explainer, explanation_report
from stepscope.export import MOST_RUNS, RunSeries, drawable
from stepscope.runs import RATE_HEADER, library_label, progress_sentence, rate_rows, report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepscope._common.report import ReportLine
    from stepscope.browser._file import BrowserFile
    from stepscope.explain import Explanation
    from stepscope.logs import Record

__all__ = ["format_curve", "page_text", "read_log"]

_MOST_CURVES = 8  # of one kind: more are a tangle
_INSTEAD = {
    "--json shows all": "the JSON has all",
    "give --num-envs N": "fill in the number of environments",
    "pass it with --num-envs N": "fill it in at the top of the page",
}
_FARTHEST = 2.0**53  # beyond, neighbours fall together


def read_log(log: BrowserFile, *, num_envs: int | None = None) -> dict[str, object]:
    """Return what ``stepscope read`` and ``stepscope explain`` say of a log, in parts that a page shows.

    Parameters
    ----------
    log
        The log, which is read once.
    num_envs
        Number of environments, which skrl does not print.

    Returns
    -------
    dict
        ``name``; ``bytes``; ``problem``: why this is not the log of a training run, else None; ``runs``: for each run
        its number, a title, how it ended (``outcome``, ``progress``), the lines of its explanation and of its report
        as label, text and severity, its rates as rows of cells, its curves by panel, the address of the symptom's
        page below the site, and the text of an issue; ``more_runs``: how many are not among them.
    """
    explainer = Explainer(printable(log.name))
    curves: dict[int, _RunCurves] = {}
    for record in log.records(num_envs=num_envs):
        explainer.add(record)
        if record.run in curves or len(curves) < MOST_RUNS:
            curves.setdefault(record.run, _RunCurves()).add(record)
    explanations = explainer.explanations()
    problem = explainer.summary.problem()
    if problem is not None and any(each.wrong or each.notable for each in explanations):
        problem = None
    shown = [] if problem is not None else _choose(explanations)
    return {
        "name": printable(log.name),
        "bytes": log.size,
        "problem": problem,
        "runs": [_run(each, curves.get(each.run.run), log) for each in shown],
        "more_runs": 0 if problem is not None else len(explanations) - len(shown),
    }


def _choose(explanations: tuple[Explanation, ...]) -> list[Explanation]:
    """Return the explanations that a page shows: of many runs, those that went wrong come first."""
    if len(explanations) <= MOST_RUNS:
        return list(explanations)
    wrong = [each for each in explanations if each.wrong]
    right = [each for each in explanations if not each.wrong]
    return sorted([*wrong, *right][:MOST_RUNS], key=lambda each: each.run.run)


def _run(explanation: Explanation, curves: _RunCurves | None, log: BrowserFile) -> dict[str, object]:
    run, first = explanation.run, explanation.first_cause
    lines = [line for line in explanation_report(explanation) if line.label not in ("run", "page")]
    known = bool(run.libraries or run.runtimes)
    return {
        "run": run.run,
        "title": library_label(run) if known else "",
        "progress": f"{run.unit}s: {progress_sentence(run)}" if known or run.failure is not None else "",
        "outcome": run.outcome,
        "wrong": explanation.wrong,
        "symptom": None if first is None else f"troubleshooting/{first.symptom.slug}.html",
        "explanation": _lines(lines),
        "report": _lines(report(run, with_rates=False)),
        "rates": [["scope", *RATE_HEADER[:-1], "unit"], *rate_rows(run.rates)]
        if rate_rows(run.rates)
        else [],
        "panels": [] if curves is None else curves.panels(),
        "axis": "iteration" if curves is None else curves.axis,
        "issue": format_issue(explanation, log),
    }


def _lines(lines: Iterable[ReportLine]) -> list[list[str]]:
    return [[line.label, page_text(line.text), line.severity] for line in lines]


def page_text(text: str) -> str:
    """Return a sentence of the command line, with what the page has in place of options."""
    for option, here in _INSTEAD.items():
        text = text.replace(option, here)
    return text


class _RunCurves:
    """The curves of one run, in memory that does not grow with the log."""

    def __init__(self) -> None:
        self._series = RunSeries()
        self._losses: dict[str, Downsampler] = {}
        self._deviations: dict[str, Downsampler] = {}

    @property
    def axis(self) -> str:
        """What the horizontal axis counts."""
        return self._series.axis

    def add(self, record: Record) -> None:
        """Take a record."""
        self._series.add(record)
        if record.kind != "iteration":
            return
        x = record.iteration if record.iteration is not None else record.env_steps
        if x is None or abs(x) > _FARTHEST:
            return
        for label, value in record.metrics.items():
            if "loss" in label.lower():
                _add(self._losses, label, x, value)
            elif label.endswith("std"):
                _add(self._deviations, label, x, value)

    def panels(self) -> list[dict[str, object]]:
        """Return each panel with its title, its unit and its curves; those without a course are left out."""
        reward = "best reward so far" if self._series.announced else "mean reward of recent episodes"
        bar = set(self._series.rates) == {"bar"}
        panels = (
            ("Reward", "", {reward: self._series.reward}),
            ("Rate", "vector steps/s" if bar else "env steps/s", self._series.rates),
            ("Losses", "", self._losses),
            ("Standard deviation of the actions", "", self._deviations),
        )
        return [
            {
                "title": title,
                "unit": unit,
                "curves": [format_curve(name, curve) for name, curve in curves.items() if curve.x],
            }
            for title, unit, curves in panels
            if any(len(curve.x) > 1 for curve in curves.values())
        ]


def _add(curves: dict[str, Downsampler], label: str, x: float, value: float) -> None:
    if math.isfinite(value) and not drawable(x, value):
        return
    if label in curves or len(curves) < _MOST_CURVES:
        curves.setdefault(label, Downsampler(limit=2048)).add(value, x)


def format_curve(name: str, curve: Downsampler) -> dict[str, object]:
    """Return a curve as lists of numbers, with None for what is not finite, and where that begins."""
    bad = next((x for x, y in zip(curve.x, curve.y, strict=True) if not math.isfinite(y)), None)
    return {
        "name": printable(name),
        "x": curve.x,
        "y": [_finite(y) for y in curve.y],
        "low": [_finite(y) for y in curve.low],
        "high": [_finite(y) for y in curve.high],
        "not_finite_from": bad,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
