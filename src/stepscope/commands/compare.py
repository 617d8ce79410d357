"""``stepscope compare``: runs side by side, on the scopes that they have in common."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope._common.format import DASH
from stepscope.commands._logs import add_num_envs, opened, read_log, title
from stepscope.commands._screen import columns, painted, width
from stepscope.errors import BadInputError
from stepscope.runs import Summary, compare

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from stepscope._common.arguments import Parser
    from stepscope.runs import Row, RunSummary

__all__ = ["add"]

_ABOUT = "compare training runs: rates of the same scope, shares of time, rewards"
_MORE = (
    "Compares runs of any libraries, also several of one LOG. Rates are compared only within a scope; for runs without a"
    " common one, a note gives the reason and what is compared instead. The exit status is 2 if nothing can be compared."
)
_NAME = 30
_GAP = 2


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("compare", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("logs", nargs="+", metavar="LOG", help="console output of a run; - is standard input")
    add_num_envs(parser)
    parser.set_defaults(command=_compare, at_once=True)


def _compare(options: argparse.Namespace) -> int:
    runs = [run for name in options.logs for run in _read_runs(name, num_envs=options.num_envs)]
    if len(runs) < 2:  # noqa: PLR2004 - a comparison has two sides
        raise BadInputError(f"{title(options.logs[0])} holds one run; give a second LOG to compare it with.")
    runs = _shorten_names(runs)
    comparison = compare(runs)
    if not comparison.compared:
        raise BadInputError(f"nothing can be compared: {' '.join(comparison.notes)}")
    for line in _table([name for name, _ in runs], comparison.rows):
        print(line)
    for note in comparison.notes:
        print(*["", *textwrap.wrap(note, width(), break_on_hyphens=False)], sep="\n")
    return 0


def _read_runs(name: str, *, num_envs: int | None) -> list[tuple[str, RunSummary]]:
    summary = Summary(title(name))
    with opened(name) as log:
        for record in read_log(log, name=name, num_envs=num_envs):
            summary.add(record)
    if (problem := summary.problem()) is not None:
        raise BadInputError(problem)
    runs = summary.runs()
    return [(f"{title(name)}{f' run {run.run}' if len(runs) > 1 else ''}", run) for run in runs]


def _shorten_names(runs: list[tuple[str, RunSummary]]) -> list[tuple[str, RunSummary]]:
    """Remove the folders that all names have in common."""
    parts = [Path(name).parts for name, _ in runs]
    shared = 0
    while len({part[: shared + 1] for part in parts}) == 1 and all(len(part) > shared + 1 for part in parts):
        shared += 1
    names = [str(Path(*part[shared:])) for part in parts]
    shown = [name if len(name) <= _NAME else f"…{name[1 - _NAME :]}" for name in names]
    return list(zip(shown, (run for _, run in runs), strict=True))


def _table(names: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows under the names of the runs; runs that do not fit beside the others follow below."""
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
