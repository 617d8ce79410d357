"""The directive ``{memory-presets}``: published tasks, with PyTorch's memory as this build computes it.

````
```{memory-presets} memory-presets.toml
```
````

The file lists tasks of one release of Isaac Lab with their sizes. Each row links to the calculator with these sizes, as
``#library=rsl_rl&num_envs=4096``, and to the two files of the release that they come from.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._common.format import TIMES, format_bytes
from stepscope._sphinx.tables import table
from stepscope.browser import memory_arguments
from stepscope.commands.memory import parse_training
from stepscope.logs import BY_KEY
from stepscope.plan.memory import estimate_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MemoryPresetsDirective", "format_link", "read_presets"]

_FILES = "https://github.com/isaac-sim/IsaacLab/blob/v{release}/source/isaaclab_tasks/isaaclab_tasks/{path}"
_SIZES = ("library", "num_envs", "horizon", "observation", "actions", "hidden", "minibatches", "dtype")


def read_presets(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return the release of Isaac Lab that a file lists tasks of, and the tasks."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return content["release"], content["preset"]


def format_link(preset: Mapping[str, Any]) -> str:
    """Return the address of the calculator with the sizes of a task, on its own page."""
    return f"#{urlencode({name: preset[name] for name in _SIZES if preset.get(name)}, safe=',')}"


class MemoryPresetsDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / Path(self.env.docname).parent / self.arguments[0]
        self.env.note_dependency(str(path))
        release, presets = read_presets(path)
        head = ("Task", "Sizes", "PyTorch's share", "Read in")
        rows = [_row(preset, release) for preset in presets]
        return [table(head, rows, "memory-presets")]


def _row(preset: Mapping[str, Any], release: str) -> list[str | nodes.Node]:
    name = BY_KEY[preset["library"]].name
    link = nodes.reference(
        "",
        f"{preset['task']}, {name}",
        refuri=format_link(preset),
        internal=True,
        classes=["memory-preset"],
    )
    sizes = [
        f"{preset['num_envs']:,} {TIMES} {preset['horizon']}, {preset['minibatches']} minibatches",
        f"{preset['observation'].replace('x', f' {TIMES} ')} in, {preset['actions']} out"
        + (f", {preset['dtype']}" if "dtype" in preset else ""),
        f"hidden {preset['hidden'] or 'layer of 512 behind three convolutions'}",
    ]
    estimate = estimate_memory(parse_training(memory_arguments(preset)))
    files = [
        nodes.reference("", word, refuri=_FILES.format(release=release, path=preset[word]))
        for word in ("environment", "agent")
    ]
    return [link, _lines(sizes), format_bytes(estimate.torch_bytes), _lines(files)]


def _lines(parts: list[Any]) -> nodes.Node:
    """Return parts of a cell, one below the other."""
    return nodes.inline(
        "",
        "",
        *(
            nodes.inline("", "", nodes.Text(part) if isinstance(part, str) else part, classes=["below"])
            for part in parts
        ),
    )
