"""Layout of text on standard output: labels in a column, lines as wide as the terminal, colours."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from stepscope._common.format import format_number, format_rate
from stepscope.runs import library_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stepscope._common.report import ReportLine
    from stepscope.runs import RunSummary

__all__ = ["columns", "format_lines", "painted", "runs_table", "width"]

_LABEL = 18
_PIPE = 110
_CODES = {"bad": "31", "warn": "33", "good": "32", "bold": "1"}


def width() -> int:
    """Return the width of a line: that of the terminal, or ``COLUMNS`` where there is none."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return max(40, shutil.get_terminal_size((_PIPE, 0)).columns if known else _PIPE)


def painted(text: str, severity: str) -> str:
    """Return `text` in a colour if standard output is a terminal and colours are not switched off."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if plain or severity not in _CODES else f"\x1b[{_CODES[severity]}m{text}\x1b[0m"


def format_lines(lines: Iterable[ReportLine]) -> Iterator[str]:
    """Yield the lines of a report, wrapped, with their labels in a column."""
    text_width = width() - _LABEL
    for line in lines:
        address = "://" in line.text  # which works only whole
        parts = textwrap.wrap(
            line.text, text_width, break_on_hyphens=False, break_long_words=not address
        ) or [""]
        for index, part in enumerate(parts):
            label = line.label if index == 0 else ""
            yield f"{painted(label.ljust(_LABEL), 'bold')}{painted(part, line.severity)}".rstrip()


def columns(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> Iterator[str]:
    """Yield rows of cells in columns; numbers stand to the right, and the columns `left` to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(size) if index in left else cell.rjust(size)
            for index, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


_HEADER = ("run", "library", "done", "env steps", "rate", "scope", "reward", "how it ended")


def runs_table(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Yield a table of many runs, one a row."""
    return columns([_HEADER, *map(_run_row, runs)], left=(1, 5, 7))


def _run_row(run: RunSummary) -> tuple[str, ...]:
    rate = run.main_rate
    speed = "" if rate is None else format_rate(rate.typical)
    reward = run.reward or run.best_reward
    done = "" if run.done is None else f"{run.done:,}" + ("" if run.planned is None else f"/{run.planned:,}")
    return (
        f"{run.run}",
        library_label(run),
        done,
        "" if run.env_steps is None else f"{run.env_steps:,}",
        speed,
        "" if rate is None else rate.scope,
        "" if reward is None else format_number(reward.last),
        run.outcome if run.failure is None else f"{run.outcome} {run.failure.place}: {run.failure.text[:60]}",
    )
