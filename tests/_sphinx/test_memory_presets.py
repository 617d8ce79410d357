"""The table of published tasks that the calculator of memory starts from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from stepscope._sphinx.memory_presets import format_link, read_presets
from stepscope.browser import memory_arguments

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

PRESETS = Path(__file__).parents[2] / "docs" / "tools" / "memory-presets.toml"


def test_a_row_has_the_sizes_the_memory_and_the_files(build: Build, project: Path) -> None:
    """Its memory is what the command prints, its link carries the sizes, and its files are those of the release."""
    (project / "docs" / "outputs" / "presets.toml").write_text(PRESETS.read_text(encoding="utf-8"))
    page = build("```{memory-presets} presets.toml\n```")
    release, presets = read_presets(PRESETS)
    rows = page.select("table.memory-presets tbody tr")
    assert len(rows) == len(presets) >= 10
    for row, preset in zip(rows, presets, strict=True):
        task, _, memory, files = row.find_all("td")
        assert task.get_text().strip().startswith(preset["task"])
        kept = dict(parse_qsl(task.a["href"].removeprefix("#")))
        assert kept == {name: str(preset[name]) for name in kept}
        for link, key in zip(files.find_all("a"), ("environment", "agent"), strict=True):
            assert f"/v{release}/" in link["href"]
            assert link["href"].endswith(preset[key])
    command = [sys.executable, "-m", "stepscope", "memory", *memory_arguments(presets[-1])]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"PyTorch's share   {memory.get_text().strip()} at its peak" in printed


def test_a_link_leaves_out_what_is_empty() -> None:
    """So that it is short."""
    link = format_link({"library": "sb3", "num_envs": 64, "observation": "3x84x84", "hidden": ""})
    assert link == "#library=sb3&num_envs=64&observation=3x84x84"
