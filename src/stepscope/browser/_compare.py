"""Logs side by side, as ``stepscope compare`` puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope.browser._log import format_curve, page_text
from stepscope.export import MOST_RUNS as MOST_SHOWN
from stepscope.runs import MOST_RUNS, LearningCurve, Summary, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.browser._file import BrowserFile
    from stepscope.runs import RunSummary

__all__ = ["compare_logs"]


def compare_logs(
    logs: Sequence[BrowserFile], *, until: float | None = None, num_envs: int | None = None
) -> dict[str, object]:
    """Return what ``stepscope compare`` says of the runs in several logs.

    Parameters
    ----------
    logs
        The logs.
    until
        A mean reward; each run tells when it reached it.
    num_envs
        Number of environments, which skrl does not print.

    Returns
    -------
    dict
        ``problem``: why nothing is compared, else None; ``names`` of the runs; ``rows``: a label and a cell for each run;
        ``notes``; ``panels``: the reward of each run against seconds and against environment steps.
    """
    runs: list[tuple[str, RunSummary, LearningCurve]] = []
    notes: list[str] = []
    most = max(1, MOST_SHOWN // len(logs))
    for log in logs:
        summary, curves = Summary(printable(log.name)), dict[int, LearningCurve]()
        for record in log.records(num_envs=num_envs):
            summary.add(record)
            number = min(MOST_RUNS, record.run)
            if number not in curves:
                curves[number] = LearningCurve(until=until)
            curves[number].add(record)
        problem = summary.problem()
        if problem is not None:
            return {"problem": problem}
        found = summary.runs()
        runs += [
            (f"{summary.name}{f' run {run.run}' * (len(found) > 1)}", run, curves[run.run])
            for run in found[:most]
        ]
        if len(found) > most:
            notes.append(
                f"{summary.name} holds {len(found) - most:,} more runs, which are not shown; `stepscope compare` shows all."
            )
    comparison = compare([(name, run) for name, run, _ in runs], curves=[curve for _, _, curve in runs])
    if not comparison.compared:
        return {"problem": f"Nothing can be compared: {page_text(' '.join(comparison.notes))}"}
    return {
        "problem": None,
        "names": [name for name, _, _ in runs],
        "rows": [[row.label, *row.cells] for row in comparison.rows],
        "notes": [*notes, *map(page_text, comparison.notes)],
        "panels": [
            {
                "title": f"Reward against {axis}",
                "unit": "",
                "axis": axis,
                "curves": [
                    format_curve(name, curve.by_seconds if axis == "seconds" else curve.by_env_steps)
                    for name, _, curve in runs
                    if curve.by_seconds.x
                ],
            }
            for axis in ("seconds", "environment steps")
            if any(curve.by_seconds.x for _, _, curve in runs)
        ],
    }
