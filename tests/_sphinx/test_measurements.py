"""What an example has measured, as data on a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build

DIRECTIVE = "```{measurement} 1_tests/plot_one share\n```"


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the example writes its evidence into; it does not exist yet."""
    monkeypatch.setenv("STEPSCOPE_EVIDENCE", str(tmp_path / "evidence"))
    path = tmp_path / "evidence" / "1_tests" / "plot_one.jsonl"
    path.parent.mkdir(parents=True)
    return path


def test_a_page_holds_what_was_measured(build: Build, evidence: Path) -> None:
    """The values as they were recorded, whatever characters are in them, with the machine and the script."""
    values = {"gain": {"30.0": 0.5}, "</script><b>": "ü"}
    lines = [
        {"kind": "measurement", "name": "share", "values": values},
        {"kind": "provenance", "device": "AMD EPYC", "threads": "1", "driver": None, "date": "2026-11-26"},
    ]
    evidence.write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = build(DIRECTIVE)
    assert json.loads(page.select_one("#measurement-share").string) == values
    [origin] = page.select(".recording-source")
    text = "Measured by this build on AMD EPYC, 1 thread (2026-11-26); the script shows how."
    assert origin.get_text() == text
    assert origin.a["href"] == "../auto_gallery/1_tests/plot_one.html"


def test_a_preview_says_how_to_get_it(build: Build, evidence: Path) -> None:
    """Where the example did not run, or has recorded something else, there is a box with a sentence instead."""
    for text in ("", json.dumps({"kind": "measurement", "name": "other", "values": {}}) + "\n"):
        evidence.write_text(text)
        page = build(DIRECTIVE)
        assert "nox -s docs runs the example" in page.select_one(".empty-state").get_text()
        assert page.select_one("script[type='application/json']") is None


def test_an_example_that_does_not_exist_fails_the_build(build: Build, evidence: Path) -> None:
    """A wrong name is not a preview."""
    assert evidence.parent.is_dir()
    with pytest.raises(Exception, match=r"there is no gallery/1_tests/plot_two\.py"):
        build("```{measurement} 1_tests/plot_two share\n```")
