"""Excerpts of recordings are what the recording holds, no more and no less."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._sphinx.excerpts import excerpt, overflow_class, visible_text
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

RECORDING = (
    Path(__file__).parents[2].joinpath("recordings", "rsl_rl", metadata.version("rsl-rl-lib"), "default.txt")
)


def test_all_is_the_whole_file() -> None:
    """Nothing is left out or changed."""
    assert RECORDING.read_text(encoding="utf-8") == excerpt(RECORDING, "all")


def test_one_iteration_is_that_block() -> None:
    """The third iteration is the block that says so, and a piece of the file."""
    text = excerpt(RECORDING, "iteration 2")
    assert text in RECORDING.read_text(encoding="utf-8")
    assert "Learning iteration 2/12" in text
    assert 1 == text.count("Learning iteration")


def test_the_last_of_a_kind_needs_no_number() -> None:
    """How often a progress bar is drawn differs from run to run, and its last drawing is always there."""
    assert "Learning iteration 11/12" in excerpt(RECORDING, "iteration last")


def test_parts_come_in_the_order_of_the_file() -> None:
    """Several selections are joined as they were printed."""
    text = excerpt(RECORDING, "iteration 3, iteration 0-1")
    assert [0, 1, 3] == [
        int(line.split("iteration ")[1].split("/")[0]) for line in text.splitlines() if "Learning it" in line
    ]


@pytest.mark.parametrize("show", ["iteration 99", "no_such_kind", "Iteration", ""])
def test_a_selection_of_nothing_is_an_error(show: str) -> None:
    """A page cannot show an empty sample by mistake."""
    with pytest.raises(BadInputError, match="has no record that"):
        excerpt(RECORDING, show)


def test_a_block_that_a_terminal_shows_whole_scrolls() -> None:
    """Columns stay columns on a phone, and longer lines are wrapped."""
    assert ["unwrapped"] == overflow_class("short\nlines")
    assert [] == overflow_class("x" * 101)


def test_what_is_shown_has_no_control_codes() -> None:
    """A page shows the text that a terminal shows."""
    assert "\x1b" in excerpt(RECORDING, "iteration 2")
    assert "\x1b" not in visible_text(excerpt(RECORDING, "iteration 2"))


def test_a_transcript_is_shown_with_its_release_device_and_day(project: Path, build: Build) -> None:
    """The command that a page shows, the end of what it printed, and where."""
    folder = project / "recordings" / "isaaclab" / "3.0.0"
    shutil.copytree(RECORDING.parents[2] / "isaaclab" / "3.0.0", folder)
    page = build("```{recording} isaaclab/3.0.0/fit.console\n:tail: 2\n```")
    lines = page.select_one(".command-output pre").get_text().splitlines()
    printed = (folder / "fit.console").read_text(encoding="utf-8").splitlines()
    assert [*printed[:3], "…", *printed[-2:]] == lines
    about = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    source = page.select_one(".recording-source").get_text()
    assert f"recorded with isaaclab 3.0.0 on {about['device']}, {about['date']}" == source
