"""The directive ``{fault-outcomes}``: outcomes of training runs with one bad value, for each version of each library.

````
```{fault-outcomes}
```
````

It shows the recordings of ``nox -s matrix``. Consecutive releases with the same outcomes share a row; silent failures come
first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, project_root
from stepscope._sphinx.tables import table
from stepscope.logs import library_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


__all__ = ["FaultOutcomesDirective", "Group", "read_groups"]

_VARIANTS = {"struck": "", "struck_compiled": "compiled, its default", "struck_dqn": "DQN"}
_MAX_MESSAGE = 72  # characters of a message


@dataclass(frozen=True, kw_only=True)
class Group:
    """Consecutive releases of a library with the same outcomes.

    Attributes
    ----------
    library, variant
        As the recordings name them.
    versions
        The oldest first.
    endings
        Name of a fault to how a training run ended: ``status``, ``vector_steps``, ``message``, ``nonfinite_share``.
    """

    library: str
    variant: str
    versions: tuple[str, ...]
    endings: Mapping[str, Mapping[str, Any]]

    @property
    def severity(self) -> tuple[float, float]:
        """Number of faults that pass unnoticed, and the total share of weights that are not finite."""
        silent = sum(not ending["status"] for ending in self.endings.values())
        return silent, sum(ending["nonfinite_share"] or 0.0 for ending in self.endings.values())


def read_groups(recordings: Path) -> list[Group]:
    """Return the recorded outcomes, the worst first; neighbouring releases with the same outcomes share a group."""
    groups_of_one = [_read(path) for path in recordings.glob("*/*/struck*.json")]
    groups_of_one.sort(key=lambda group: (group.library, group.variant, _parse_version(group.versions[0])))
    groups = []
    for (library, variant), neighbours in groupby(
        groups_of_one, key=lambda group: (group.library, group.variant)
    ):
        for _, alike in groupby(neighbours, key=lambda group: group.endings):
            members = tuple(alike)
            versions = tuple(group.versions[0] for group in members)
            groups.append(
                Group(library=library, variant=variant, versions=versions, endings=members[0].endings)
            )
    return sorted(groups, key=lambda group: group.severity, reverse=True)


def _read(path: Path) -> Group:
    recording = json.loads(path.read_text(encoding="utf-8"))
    return Group(
        library=recording["library"],
        variant=path.stem,
        versions=(recording["version"],),
        endings=recording["endings"],
    )


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _rows(groups: Sequence[Group]) -> Iterable[list[str | nodes.Node]]:
    compiled = {
        (group.library, version)
        for group in groups
        if group.variant == "struck_compiled"
        for version in group.versions
    }
    for group in groups:
        first, *_, last = group.versions * 2
        versions = first if first == last else f"{first} to {last}"
        note = _VARIANTS[group.variant]
        if group.variant == "struck" and (group.library, last) in compiled:
            note = f"{last} with torch_compile: False"
        below = nodes.inline("", f"{versions}{f', {note}' if note else ''}", classes=["below"])
        name = nodes.strong("", library_name(group.library))
        yield [nodes.inline("", "", name, below), *map(_cell, group.endings.values())]


def _cell(ending: Mapping[str, Any]) -> nodes.Node:
    share = 100 * (ending["nonfinite_share"] or 0.0)
    if not ending["status"]:
        text = f"exit status 0, weights {f'{share:.0f} % NaN' if share else 'finite'}"
        return nodes.inline("", text, classes=["refused"] if share else [])
    steps = ending["vector_steps"]
    moment = "in the same step" if not steps else f"{steps} step{'s'[: steps != 1]} later"
    cell = nodes.inline("", "", nodes.Text(f"ends {moment}"))
    if share:
        cell += nodes.inline("", f"weights saved: {share:.0f} % NaN", classes=["below", "refused"])
    message = ending["message"]
    shortened = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE].rsplit(' ', 1)[0]} …"
    cell += nodes.inline("", shortened, classes=["below"])
    return cell


class FaultOutcomesDirective(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        folder = project_root(self.env) / RECORDINGS
        for path in folder.glob("*/*/struck*.json"):
            self.env.note_dependency(str(path))
        groups = read_groups(folder)
        return [table(["Library", *groups[0].endings], _rows(groups), "fault-outcomes")]
