"""``stepscope explain`` as it is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stepscope.cli import main
from stepscope.explain import catalogue

if TYPE_CHECKING:
    from pathlib import Path

PATCHES = "PhysX error: Patch buffer overflow detected, please increase its size to at least 178421 in the scene desc!\n"


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A line that somebody posted."""
    path = tmp_path / "log.txt"
    path.write_text(PATCHES, encoding="utf-8")
    return str(path)


def test_a_log_is_explained(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line, where it stands, what to set, and the page."""
    assert 0 == main(["explain", log])
    out = " ".join(capsys.readouterr().out.split())
    assert "first cause PhysX error: Patch buffer overflow" in out
    assert "(byte 0)" in out
    assert "above 178421" in out
    assert "/troubleshooting/patch-buffer-overflow.html" in out


def test_check_and_json(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets the same, and an exit status."""
    assert 1 == main(["explain", "--check", "--json", log])
    [line] = capsys.readouterr().out.splitlines()
    data = json.loads(line)
    assert data["first_cause"]["slug"] == "patch-buffer-overflow"
    assert data["first_cause"]["facts"] == {"needed": "178421"}


def test_the_catalogue_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each symptom."""
    assert 0 == main(["explain", "--list"])
    lines = capsys.readouterr().out.splitlines()
    assert list(catalogue()) == [line.split()[0] for line in lines]
    assert 0 == main(["explain", "--list", "--json"])
    lines = capsys.readouterr().out.splitlines()
    assert list(catalogue()) == [json.loads(line)["slug"] for line in lines]


def test_an_entry_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name is enough."""
    assert 0 == main(["explain", "patch-buffer-overflow"])
    assert "gpu_max_rigid_patch_count" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a LOG"),
        (["--list", "x"], "give no LOG with it"),
        (["patch-buffer-overflows"], "the symptom patch-buffer-overflow has a similar name"),
        (["nothing-like-it.txt"], "does not exist"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and exit status 2."""
    assert 2 == main(["explain", *arguments])
    assert message in capsys.readouterr().err


def test_no_log_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What no library and no simulator printed is not explained."""
    path = tmp_path / "recipe.txt"
    path.write_text("Take two eggs.\n", encoding="utf-8")
    assert 2 == main(["explain", str(path)])
    assert "has no line that" in capsys.readouterr().err
