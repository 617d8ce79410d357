"""The directive ``{fault-outcomes}``: what one bad value does to a training, in each version of each library.

````
```{fault-outcomes}
```
````

It shows what ``nox -s matrix`` has recorded. Releases that follow one another and end alike share a row, and those that
notice nothing stand at the top.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, root
from stepscope._sphinx.tables import table
from stepscope.logs import library_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sphinx.application import Sphinx

__all__ = ["Group", "grouped", "setup"]

_VARIANTS = {"struck": "", "struck_compiled": "its default: compiled", "struck_dqn": "DQN"}
_SHORT = 72  # characters of a message


@dataclass(frozen=True, kw_only=True)
class Group:
    """Releases of a library that end alike.

    Attributes
    ----------
    library, variant
        As the recordings name them.
    versions
        The oldest first.
    endings
        Name of a fault to how a training ended: ``status``, ``vector_steps``, ``message``, ``nonfinite_share``.
    """

    library: str
    variant: str
    versions: tuple[str, ...]
    endings: Mapping[str, Mapping[str, Any]]

    @property
    def severity(self) -> tuple[float, float]:
        """How many faults pass unnoticed, and how much of the checkpoints is not finite all the same."""
        silent = sum(not ending["status"] for ending in self.endings.values())
        return silent, sum(ending["nonfinite_share"] or 0.0 for ending in self.endings.values())


def grouped(recordings: Path) -> list[Group]:
    """Return what is recorded, the worst first."""
    found = [_read(path) for path in recordings.glob("*/*/struck*.json")]
    found.sort(key=lambda each: (each.library, each.variant, _number(each.versions[0])))
    groups = []
    for (library, variant), each in groupby(found, key=lambda group: (group.library, group.variant)):
        for _, alike in groupby(each, key=lambda group: group.endings):
            together = tuple(alike)
            versions = tuple(group.versions[0] for group in together)
            groups.append(
                Group(library=library, variant=variant, versions=versions, endings=together[0].endings)
            )
    return sorted(groups, key=lambda group: group.severity, reverse=True)


def _read(path: Path) -> Group:
    made = json.loads(path.read_text(encoding="utf-8"))
    return Group(
        library=made["library"],
        variant=path.stem,
        versions=(made["version"],),
        endings=made["endings"],
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _rows(groups: Sequence[Group]) -> Iterable[list[str | nodes.Node]]:
    for group in groups:
        first, *_, last = group.versions * 2
        versions = first if first == last else f"{first} to {last}"
        note = _VARIANTS[group.variant]
        below = nodes.inline("", f"{versions}{f', {note}' if note else ''}", classes=["below"])
        name = nodes.strong("", library_name(group.library))
        yield [nodes.inline("", "", name, below), *map(_cell, group.endings.values())]


def _cell(ending: Mapping[str, Any]) -> nodes.Node:
    share = 100 * (ending["nonfinite_share"] or 0.0)
    if not ending["status"]:
        said = f"exit status 0, weights {f'{share:.0f} % NaN' if share else 'finite'}"
        return nodes.inline("", said, classes=["refused"] if share else [])
    steps = ending["vector_steps"]
    when = "in the same step" if not steps else f"{steps} step{'s'[: steps != 1]} later"
    cell = nodes.inline("", "", nodes.Text(f"ends {when}"))
    if share:
        cell += nodes.inline("", f"weights saved: {share:.0f} % NaN", classes=["below", "refused"])
    message = ending["message"]
    short = message if len(message) <= _SHORT else f"{message[:_SHORT].rsplit(' ', 1)[0]} …"
    cell += nodes.inline("", short, classes=["below"])
    return cell


class _FaultOutcomes(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        folder = root(self.env) / RECORDINGS
        for path in folder.glob("*/*/struck*.json"):
            self.env.note_dependency(str(path))
        groups = grouped(folder)
        return [table(["", *groups[0].endings], _rows(groups), "fault-outcomes")]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("fault-outcomes", _FaultOutcomes)
