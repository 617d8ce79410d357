"""The directive ``{versions}``: which line a library prints from which release on, as the recordings show.

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

from stepscope._sphinx.excerpts import RECORDINGS, root, visible
from stepscope._sphinx.tables import table
from stepscope.logs import read
from stepscope.recordings import line_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sphinx.application import Sphinx

__all__ = ["History", "history", "setup"]

_KINDS = ("iteration", "progress", "best_reward", "checkpoint")
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, kw_only=True)
class History:
    """What several releases print.

    Attributes
    ----------
    columns
        Releases, oldest first; several that are not told apart as one.
    rows
        Each line, with a cell for each column: whether it is printed there, None where no recording tells.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, tuple[bool | None, ...]], ...]


def history(
    folder: Path,
    *,
    also: re.Pattern[str] = _NEVER,
    leave_out: re.Pattern[str] = _NEVER,
    skip: re.Pattern[str] = _NEVER,
) -> History:
    """Return which lines the releases of a library print, of which there is a folder of recordings each.

    Parameters
    ----------
    folder
        Holds a folder for each release.
    also
        What to look for in messages.
    leave_out
        What to look for in lines that are not to be listed.
    skip
        What to look for in the names of recordings that do not count.
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
    lines = _in_order([runs for version in reversed(versions) for runs in printed[version].values()])
    cells = {version: [_cell(line, version, printed) for line in lines] for version in versions}
    columns = _together(cells)
    merged = [
        [_either(cells[version][row] for version in column) for column in columns]
        for row in range(len(lines))
    ]
    return History(
        columns=tuple(columns),
        rows=tuple((line, tuple(row)) for line, row in zip(lines, merged, strict=True)),
    )


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _lines_of(path: Path, also: re.Pattern[str]) -> list[str]:
    """Return the shapes of the lines that are asked for, each once, in the order in which they first appear."""
    text = path.read_bytes()
    found: dict[str, None] = {}
    for record in read(path):
        said = visible(text[slice(*record.span)].decode(errors="replace"))
        if record.kind in _KINDS or (record.kind == "message" and also.search(said)):
            found.update(dict.fromkeys(filter(None, map(line_template, said.splitlines()))))
    return list(found)


def _in_order(runs: Iterable[Sequence[str]]) -> list[str]:
    """Merge lists of lines into one: a new line goes behind the one that it was printed after."""
    merged: list[str] = []
    for run in runs:
        place = 0
        for line in run:
            if line in merged:
                place = merged.index(line) + 1
            else:
                merged.insert(place, line)
                place += 1
    return merged


def _cell(line: str, version: str, printed: Mapping[str, Mapping[str, Sequence[str]]]) -> bool | None:
    """Say whether a release prints a line; None if nothing was recorded in which another release prints it."""
    if any(line in lines for lines in printed[version].values()):
        return True
    telling = {run for runs in printed.values() for run, lines in runs.items() if line in lines}
    return False if telling & printed[version].keys() else None


def _together(cells: Mapping[str, Sequence[bool | None]]) -> list[tuple[str, ...]]:
    """Put neighbouring releases together as long as no cell tells them apart."""
    columns: list[tuple[str, ...]] = []
    known: list[bool | None] = []
    for version, own in cells.items():
        pairs = list(zip(known, own, strict=True)) if columns else []
        if columns and all(None in pair or pair[0] == pair[1] for pair in pairs):
            columns[-1] += (version,)
            known = [_either(pair) for pair in pairs]
        else:
            columns.append((version,))
            known = list(own)
    return columns


def _either(cells: Iterable[bool | None]) -> bool | None:
    return next((cell for cell in cells if cell is not None), None)


_WORDS = {True: "yes", False: "\N{EN DASH}", None: "?"}


class _Versions(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(("also", "leave-out", "skip"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it depends on every recording and on all of the parser
        folder = root(self.env) / RECORDINGS / self.arguments[0]
        if not folder.is_dir():
            raise self.error(f"there is no folder {folder}")
        wanted = {name.replace("-", "_"): re.compile(text) for name, text in self.options.items()}
        found = history(folder, **wanted)
        heads = [
            "Line",
            *("\N{EN DASH}".join(dict.fromkeys((column[0], column[-1]))) for column in found.columns),
        ]
        rows = [[nodes.literal(line, line), *(_WORDS[cell] for cell in cells)] for line, cells in found.rows]
        return [table(heads, rows, "versions"), *self._legend(found)]

    def _legend(self, found: History) -> list[nodes.Node]:
        said = "Recorded: " + ", ".join(version for column in found.columns for version in column) + "."
        if any(len(column) > 1 for column in found.columns):
            said += " Releases that no recording tells apart share a column."
        if any(cell is None for _, cells in found.rows for cell in cells):
            said += " A question mark: nothing was recorded there that would tell."
        return [nodes.paragraph("", said, classes=["recording-source"])]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("versions", _Versions)
