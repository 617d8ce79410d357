"""How a command lays text out: labels in a column, lines as wide as the terminal, colours where they help."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._report import Line

__all__ = ["laid_out", "painted", "width"]

_LABEL = 18
_PIPE = 110
_CODES = {"bad": "31", "warn": "33", "good": "32", "bold": "1"}


def width() -> int:
    """Return how wide lines may be: as the terminal, or what a page shows where there is none."""
    return max(40, shutil.get_terminal_size((_PIPE, 0)).columns if sys.stdout.isatty() else _PIPE)


def painted(text: str, tone: str) -> str:
    """Return `text` in a colour if standard output is a terminal and nobody said no to colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return text if plain or tone not in _CODES else f"\x1b[{_CODES[tone]}m{text}\x1b[0m"


def laid_out(lines: Iterable[Line]) -> Iterator[str]:
    """Yield the lines of a report, wrapped, with their labels in a column."""
    room = width() - _LABEL
    for line in lines:
        parts = textwrap.wrap(line.text, room, break_on_hyphens=False) or [""]
        for index, part in enumerate(parts):
            label = line.label if index == 0 else ""
            yield f"{painted(label.ljust(_LABEL), 'bold')}{painted(part, line.tone)}".rstrip()
