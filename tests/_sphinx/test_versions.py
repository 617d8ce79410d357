"""The table of what is printed from which release on, held against the recordings themselves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._sphinx.excerpts import visible_text
from stepscope._sphinx.versions import read_history
from stepscope.recordings import line_template

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

RECORDINGS = Path(__file__).parents[2] / "recordings"
LIBRARIES = sorted(path.name for path in RECORDINGS.iterdir() if path.is_dir())


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_cell_is_what_the_recordings_show(library: str) -> None:
    """A line is printed by a release if and only if its recordings have it."""
    history = read_history(RECORDINGS / library)
    assert history.rows
    for position, column in enumerate(history.columns):
        shapes = {version: _shapes(RECORDINGS / library / version) for version in column}
        for line, cells in history.rows:
            printed = [line in shapes[version] for version in column]
            if cells[position]:
                assert any(printed), (line, column)
            else:
                assert not any(printed), (line, column)


def _shapes(folder: Path) -> set[str]:
    texts = (visible_text(path.read_bytes().decode(errors="replace")) for path in folder.glob("*.txt"))
    return {line_template(line) for text in texts for line in text.splitlines()}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_recorded_release_is_in_one_column(library: str) -> None:
    """Columns go from the oldest release to the newest, and no two neighbours say the same."""
    history = read_history(RECORDINGS / library)
    versions = [version for column in history.columns for version in column]
    folders = {path.name for path in (RECORDINGS / library).iterdir() if path.is_dir()}
    assert folders == set(versions)
    assert sorted(versions, key=lambda text: [int(part) for part in re.findall(r"\d+", text)]) == versions
    for one, other in zip(range(len(history.columns)), range(1, len(history.columns)), strict=False):
        assert any({cells[one], cells[other]} == {True, False} for _, cells in history.rows)


def _release(folder: Path, version: str, variant: str, *lines: str) -> None:
    path = folder / version / f"{variant}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    block = (RECORDINGS / "rsl_rl" / "5.5.1" / "default.txt").read_text().split("\n")
    start = next(number for number, line in enumerate(block) if line.startswith("####"))
    end = next(number for number, line in enumerate(block) if line.startswith("----") and number > start)
    kept = [line for line in block[start : end + 4] if not any(text in line for text in lines)]
    path.write_text("\n".join(kept) + "\n")


def test_a_release_that_recorded_nothing_telling_says_neither_yes_nor_no(tmp_path: Path) -> None:
    """A line that another release prints in a variant of its own was not looked for where that was not recorded."""
    _release(tmp_path, "1.0", "default", "Mean reward")
    _release(tmp_path, "1.1", "default", "Mean reward", "Mean entropy loss")
    _release(tmp_path, "1.1", "rewarded")
    history = read_history(tmp_path)
    rows = dict(history.rows)
    assert (("1.0", "1.1"),) == history.columns
    assert (True,) == rows["Mean reward: …"]
    _release(tmp_path, "0.9", "default", "Mean reward", "Collection time")
    history = read_history(tmp_path)
    rows = dict(history.rows)
    assert (("0.9",), ("1.0", "1.1")) == history.columns
    assert (None, True) == rows["Mean reward: …"]
    assert (False, True) == rows["Collection time: …s"]


def test_versions_are_numbers(tmp_path: Path) -> None:
    """Release 10 comes after release 9."""
    _release(tmp_path, "1.9.0", "default", "Collection time")
    _release(tmp_path, "1.10.0", "default")
    assert (("1.9.0",), ("1.10.0",)) == read_history(tmp_path).columns


def test_lines_of_other_kinds_can_be_asked_for_and_left_out() -> None:
    """Messages are listed where they are wanted, and what is the environment's own is not."""
    folder = RECORDINGS / "rl_games"
    assert "MAX EPOCHS NUM!" not in dict(read_history(folder).rows)
    rows = dict(read_history(folder, also=re.compile("MAX EPOCHS"), leave_out=re.compile("fps step")).rows)
    assert "MAX EPOCHS NUM!" in rows
    assert not [line for line in rows if line.startswith("fps step")]
    assert "MAX FRAMES NUM!" in dict(read_history(folder, also=re.compile("MAX")).rows)
    assert "MAX FRAMES NUM!" not in dict(
        read_history(folder, also=re.compile("MAX"), skip=re.compile("frames")).rows
    )


def test_the_page_has_a_table(build: Build, project: Path) -> None:
    """A row for each line, a column for each release, and a box in which it scrolls."""
    old = project / "recordings" / "rsl_rl" / "3.1.3"
    shutil.copytree(RECORDINGS / "rsl_rl" / "3.1.3", old)
    page = build("```{versions} rsl_rl\n:leave-out: Episode_\n```")
    table = page.select_one(".wide-table table.versions")
    assert ["Line", "3.1.3", "5.5.1"] == [head.get_text() for head in table.select("thead th")]
    rows = {
        row.td.get_text(): [cell.get_text() for cell in row.find_all("td")[1:]]
        for row in table.select("tbody tr")
    }
    assert ["\N{EN DASH}", "yes"] == rows["Steps per second: …"]
    assert not [line for line in rows if line.startswith("Episode_")]
    assert "Recorded: 3.1.3, 5.5.1." in page.get_text()
