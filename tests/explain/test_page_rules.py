"""The rules that the pages give for reading a log or a traceback, applied to every recording that they are about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stepscope.logs import library_name, reads

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "recordings"
DIVERGED = sorted(RECORDINGS.glob("*/*/*diverged.txt"))
INJECTED = sorted(RECORDINGS.glob("*/*/struck*.json"))
PAGE = (ROOT / "docs" / "troubleshooting" / "index.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide" / "nans.md").read_text(encoding="utf-8")


def _section(page: str, heading: str) -> str:
    return re.split(r"^#+ ", page.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def _rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its header."""
    lines = [line for line in _section(page, heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def _version(path: Path) -> tuple[int, ...]:
    return tuple(map(int, path.parent.name.split(".")))


def _metadata(log: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(log.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def _names(path: Path) -> str:
    return str(path.relative_to(RECORDINGS))


@pytest.mark.parametrize("path", DIVERGED, ids=_names)
def test_the_traceback_shows_which_update_broke_the_weights(path: Path) -> None:
    """The first update of these runs broke them: their learning rate is 1e30."""
    functions = {
        row[0]: set(re.findall(r"`(\w+)`", row[1])) for row in _rows(PAGE, "When did the weights become NaN?")
    }
    library = path.parts[-3]
    records = list(reads(path.read_text(encoding="utf-8")))
    failure = next((record for record in records if record.kind == "failure"), None)
    if failure is None:
        assert "skrl" == library
        return
    frames = re.findall(r'File ".*?/(\w+\.py)", line \d+, in (\w+)', failure.text)
    files = set(
        re.findall(
            r"`(\w+\.py)`", " ".join(row[2] for row in _rows(PAGE, "When did the weights become NaN?"))
        )
    )
    in_update = any(name in functions[library_name(library)] and file in files for file, name in frames)
    blocks = sum(record.kind == "iteration" for record in records)
    # Stable-Baselines3 prints a block before the update, the others after it.
    finished_updates = blocks - 1 if library == "sb3" else blocks
    assert in_update == (finished_updates == 0)
    assert finished_updates <= 1


def test_the_function_that_acts_does_not_show_it() -> None:
    """Which is why the page does not name it: old releases of RSL-RL call it in the update."""
    text = (RECORDINGS / "rsl_rl" / "3.1.3" / "diverged.txt").read_text(encoding="utf-8")
    assert ", in update\n" in text
    assert ", in act\n" in text
    assert "RSL-RL before 4.0 calls `act` in its update" in PAGE


@pytest.mark.parametrize("path", DIVERGED, ids=_names)
def test_the_messages_of_the_page_are_those_of_the_releases(path: Path) -> None:
    """Each release prints the message in whose row the page names it."""
    rows = {
        row[0].partition("`")[2].partition("`")[0][:18]: row[1] for row in _rows(PAGE, "Which message is it?")
    }
    text = path.read_text(encoding="utf-8")
    [[message, releases]] = [
        (message, releases)
        for message, releases in rows.items()
        if (message and message in text) or (not message and not _metadata(path)["exit_code"])
    ]
    [entry] = re.findall(rf"{library_name(path.parts[-3])}(?: (?:from )?([\d.]+)( on)?)?(?:,|$)", releases)
    assert _is_named(entry, _version(path)), (message, releases)


def _is_named(entry: tuple[str, str], version: tuple[int, ...]) -> bool:
    named, onwards = entry
    if not named:
        return True
    release = tuple(map(int, named.split(".")))
    return version >= release if onwards else version == release


@pytest.mark.parametrize("path", DIVERGED, ids=_names)
def test_only_skrl_finishes_on_nan_weights(path: Path) -> None:
    """From the release on that the page names; with an injected NaN two more do, which the page names as well."""
    [since] = re.findall(r"\*\*skrl from ([\d.]+) on does not stop\.\*\*", PAGE)
    silent = path.parts[-3] == "skrl" and _version(path) >= tuple(map(int, since.split(".")))
    assert (0 if silent else 1) == _metadata(path)["exit_code"]


def test_what_else_finishes_with_an_injected_nan() -> None:
    """The page names RL-Games as it is compiled by default, and DQN of Stable-Baselines3."""
    silent = {
        (path.parts[-3], path.stem)
        for path in INJECTED
        if not json.loads(path.read_text(encoding="utf-8"))["endings"]["NaN observed"]["status"]
    }
    assert {("skrl", "struck"), ("rl_games", "struck_compiled"), ("sb3", "struck_dqn")} == silent
    section = _section(PAGE, "A run that finished and learned nothing")
    assert all(name in section for name in ("skrl", "RL-Games 1.6.5", "DQN"))


@pytest.mark.parametrize("path", INJECTED, ids=_names)
def test_a_run_that_ends_has_exit_status_1(path: Path) -> None:
    """As the guide says of every release with an injected fault; RSL-RL looks for NaN from the release on it names."""
    endings = json.loads(path.read_text(encoding="utf-8"))["endings"]
    assert {ending["status"] for ending in endings.values()} <= {0, 1}
    assert "exit status is 1" in _section(GUIDE, "Which releases detect NaN or infinity?")
    if path.parts[-3] == "rsl_rl":
        [since] = re.findall(r"RSL-RL tests for NaN itself from (\d+\.\d+) on", GUIDE)
        tests = "contain NaN values" in endings["NaN observed"]["message"].replace("contains", "contain")
        assert tests == (_version(path) >= tuple(map(int, since.split("."))))
        # Infinity passes that test where it is rewarded.
        assert "NaN values" not in endings["infinity rewarded"]["message"]
