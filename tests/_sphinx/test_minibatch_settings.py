"""The table of how each library cuts a rollout into minibatches."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from stepscope.logs import LIBRARIES

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build


def test_the_table_shows_the_rules_of_each_library(build: Build) -> None:
    """A column for each library, with its names, its rules and the release that is installed."""
    page = build("```{minibatch-settings}\n```")
    header, *rows = [
        [cell.get_text(" ", strip=True) for cell in row.select("th, td")]
        for row in page.select("table.minibatch-settings tr")
    ]
    described = [library for library in LIBRARIES if library.minibatches]
    assert [library.name for library in described] == header[1:]
    cells = {label: values for label, *values in rows}
    assert [version(library.distribution) for library in described] == cells["Tested with"]
    assert [library.minibatches.setting for library in described] == cells["Minibatches"]
    assert ["num_actors", "num_envs", "n_envs", "num_envs"] == cells["Environments of a process"]
    assert ["multi_gpu: True", "WORLD_SIZE above 1", "not possible", "WORLD_SIZE above 1"] == cells[
        "Several processes"
    ]
    assert [library.minibatches.remainder for library in described] == cells["A remainder"]
    assert "Isaac-Cartpole-v0" in cells["Examples in Isaac Lab"][0]
