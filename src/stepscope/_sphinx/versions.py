"""The directive ``{versions}``: the lines that each recorded release of a library prints.

````
```{versions} rl_games
:also: Network won
:leave-out: FutureWarning
```
````

A row is a line as it is printed, with ``…`` for what changes; a column is a release that was recorded, or several
in a row that no recording tells apart. Listed are the lines of iterations, progress bars, best rewards and
checkpoints, and the messages in which ``also`` finds something, except where ``leave-out`` finds something:
a regular expression each. Recordings in whose name ``skip`` finds something do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, project_root, visible_text
from stepscope._sphinx.tables import table
from stepscope.logs import read
from stepscope.recordings import line_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


__all__ = ["History", "VersionsDirective", "read_history"]

_KINDS = ("iteration", "progress", "best_reward", "checkpoint")
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, kw_only=True)
class History:
    """Lines that several releases print.

    Attributes
    ----------
    columns
        Releases, oldest first; those that no cell tells apart share a column.
    rows
        Each line, with a cell for each column: whether it is printed there, None where no recording tells.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, tuple[bool | None, ...]], ...]


def read_history(
    folder: Path,
    *,
    also: re.Pattern[str] = _NEVER,
    leave_out: re.Pattern[str] = _NEVER,
    skip: re.Pattern[str] = _NEVER,
) -> History:
    """Return the lines that the releases of a library print, from a folder of recordings for each release.

    Parameters
    ----------
    folder
        Holds a folder for each release.
    also
        Pattern of messages to list as well.
    leave_out
        Pattern of lines to leave out.
    skip
        Pattern of names of recordings to ignore.
    """
    versions = sorted((path.name for path in folder.iterdir() if path.is_dir()), key=_release)
    printed = {
        version: {
            path.stem: [line for line in _lines_of(path, also) if not leave_out.search(line)]
            for path in sorted((folder / version).glob("*.txt"))
            if not skip.search(path.stem)
        }
        for version in versions
    }
    lines = _merge_lines([listing for version in reversed(versions) for listing in printed[version].values()])
    cells = {version: [_cell(line, version, printed) for line in lines] for version in versions}
    columns = _merge_columns(cells)
    merged = [
        [_first_known(cells[version][row] for version in column) for column in columns]
        for row in range(len(lines))
    ]
    return History(
        columns=tuple(columns),
        rows=tuple((line, tuple(row)) for line, row in zip(lines, merged, strict=True)),
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _lines_of(path: Path, also: re.Pattern[str]) -> list[str]:
    """Return the templates of the lines that are asked for, once each, in the order of their first appearance."""
    content = path.read_bytes()
    templates: dict[str, None] = {}
    for record in read(path):
        text = visible_text(content[slice(*record.span)].decode(errors="replace"))
        if record.kind in _KINDS or (record.kind == "message" and also.search(text)):
            templates.update(dict.fromkeys(filter(None, map(line_template, text.splitlines()))))
    return list(templates)


def _merge_lines(listings: Iterable[Sequence[str]]) -> list[str]:
    """Merge lists of lines into one: a new line goes behind the one that it was printed after."""
    merged: list[str] = []
    for listing in listings:
        position = 0
        for line in listing:
            if line in merged:
                position = merged.index(line) + 1
            else:
                merged.insert(position, line)
                position += 1
    return merged


def _cell(line: str, version: str, printed: Mapping[str, Mapping[str, Sequence[str]]]) -> bool | None:
    """Say whether a release prints a line; None if nothing was recorded in which another release prints it."""
    if any(line in lines for lines in printed[version].values()):
        return True
    variants = {name for listings in printed.values() for name, lines in listings.items() if line in lines}
    return False if variants & printed[version].keys() else None


def _merge_columns(cells: Mapping[str, Sequence[bool | None]]) -> list[tuple[str, ...]]:
    """Merge neighbouring releases as long as no cell tells them apart."""
    columns: list[tuple[str, ...]] = []
    merged: list[bool | None] = []
    for version, column_cells in cells.items():
        pairs = list(zip(merged, column_cells, strict=True)) if columns else []
        if columns and all(None in pair or pair[0] == pair[1] for pair in pairs):
            columns[-1] += (version,)
            merged = [_first_known(pair) for pair in pairs]
        else:
            columns.append((version,))
            merged = list(column_cells)
    return columns


def _first_known(cells: Iterable[bool | None]) -> bool | None:
    return next((cell for cell in cells if cell is not None), None)


_SYMBOLS = {True: "yes", False: "\N{EN DASH}", None: "?"}


class VersionsDirective(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(("also", "leave-out", "skip"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it depends on every recording and on all of the parser
        folder = project_root(self.env) / RECORDINGS / self.arguments[0]
        if not folder.is_dir():
            raise self.error(f"{folder} is not a directory")
        patterns = {name.replace("-", "_"): re.compile(text) for name, text in self.options.items()}
        history = read_history(folder, **patterns)
        heads = [
            "Line",
            *("\N{EN DASH}".join(dict.fromkeys((column[0], column[-1]))) for column in history.columns),
        ]
        rows = [
            [nodes.literal(line, line), *(_SYMBOLS[cell] for cell in cells)] for line, cells in history.rows
        ]
        return [table(heads, rows, "versions"), *self._legend(history)]

    def _legend(self, history: History) -> list[nodes.Node]:
        text = "Recorded: " + ", ".join(version for column in history.columns for version in column) + "."
        if any(len(column) > 1 for column in history.columns):
            text += " Releases that no recording tells apart share a column."
        if any(cell is None for _, cells in history.rows for cell in cells):
            text += " A question mark: nothing was recorded there that would tell."
        return [nodes.paragraph("", text, classes=["recording-source"])]
