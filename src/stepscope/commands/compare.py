"""``stepscope compare``: runs side by side, on the scopes that they have in common."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.arguments import reward_threshold
from stepscope._common.format import DASH
from stepscope.commands._logs import add_num_envs, opened, read_log, title
from stepscope.commands._screen import columns, painted, width
from stepscope.errors import BadInputError
from stepscope.export import LearningPlot
from stepscope.runs import MOST_RUNS, LearningCurve, Summary, compare

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from stepscope._common.arguments import Parser
    from stepscope.runs import Row, RunSummary

__all__ = ["add"]

_ABOUT = "compare training runs: rates of the same scope, shares of time, rewards over time and samples"
_MORE = (
    "Compares runs of any libraries, also several of one LOG. Rates are compared only within a scope; for runs without a"
    " common one, a note gives the reason and what is compared instead. --until and --plot show which run learns faster."
    " The exit status is 2 if nothing can be compared."
)
_NAME = 30
_GAP = 2


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("compare", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="console output of a run; - is standard input")
    parser.add_argument(
        "--until",
        type=reward_threshold,
        metavar="reward=R",
        help="show the time and the environment steps that each run took to a mean reward of R",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw the mean reward against seconds and against environment steps into FILE.svg or FILE.png (needs"
        " stepscope[plot])",
    )
    add_num_envs(parser)
    parser.set_defaults(command=_compare, at_once=True)


def _compare(options: argparse.Namespace) -> int:
    plot = None if options.plot is None else LearningPlot(options.plot)
    runs = [run for name in options.logs for run in _read_runs(name, options)]
    if len(runs) < 2:  # noqa: PLR2004 - a comparison has two sides
        raise BadInputError(f"{title(options.logs[0])} holds one run; give a second LOG to compare it with.")
    names = _shorten_names([name for name, _, _ in runs])
    summaries = [summary for _, summary, _ in runs]
    curves = [curve for _, _, curve in runs]
    learning = plot is not None or options.until is not None
    comparison = compare(list(zip(names, summaries, strict=True)), curves=curves if learning else ())
    if not comparison.compared:
        raise BadInputError(f"nothing can be compared: {' '.join(comparison.notes)}")
    for line in _table(names, comparison.rows):
        print(line)
    for note in comparison.notes:
        print(*["", *textwrap.wrap(note, width(), break_on_hyphens=False)], sep="\n")
    if plot is not None:
        plot.write(list(zip(names, summaries, curves, strict=True)))
        print(f"\nfigure saved as {printable(str(plot.path))}")
    return 0


def _read_runs(name: str, options: argparse.Namespace) -> list[tuple[str, RunSummary, LearningCurve]]:
    summary, curves = Summary(title(name)), dict[int, LearningCurve]()
    with opened(name) as log:
        for record in read_log(log, name=name, num_envs=options.num_envs):
            summary.add(record)
            number = min(MOST_RUNS, record.run)
            if number not in curves:
                curves[number] = LearningCurve(until=options.until)
            curves[number].add(record)
    if (problem := summary.problem()) is not None:
        raise BadInputError(problem)
    runs = summary.runs()
    several = len(runs) > 1
    return [(f"{title(name)}{f' run {run.run}' * several}", run, curves[run.run]) for run in runs]


def _shorten_names(names: Sequence[str]) -> list[str]:
    """Remove the folders that all names have in common."""
    parts = [Path(name).parts for name in names]
    shared = 0
    while len({part[: shared + 1] for part in parts}) == 1 and all(len(part) > shared + 1 for part in parts):
        shared += 1
    short = [str(Path(*part[shared:])) for part in parts]
    return [name if len(name) <= _NAME else f"…{name[1 - _NAME :]}" for name in short]


def _table(names: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows under the names of the runs; runs that do not fit next to the others follow below."""
    cells = [["", *names], *([row.label, *row.cells] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    begin = 1
    while begin < len(widths):
        end, free = begin, width() - widths[0]
        while end < len(widths) and (end == begin or free >= widths[end] + _GAP):
            free -= widths[end] + _GAP
            end += 1
        if begin > 1:
            yield ""
        block = [[row[0], *row[begin:end]] for row in cells]
        lines = columns([row for row in block if set(row[1:]) != {DASH}])
        yield painted(next(lines), "bold")
        yield from lines
        begin = end
