"""A figure of an example on a page of the guide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stepscope.evidence import FOLDER_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build

FIGURE = "```{gallery-figure} 1_tests/plot_one 2\n```"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture(autouse=True)
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what the examples have shown, which holds nothing yet."""
    folder = tmp_path / "evidence"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


def test_it_is_shown_with_its_words(build: Build, project: Path, evidence: Path) -> None:
    """It has the words of the example's page, and the script is one click away."""
    gallery = project / "docs" / "auto_gallery" / "1_tests"
    (gallery / "images").mkdir(parents=True)
    (gallery / "images" / "sphx_glr_plot_one_002.svg").write_text(SVG)
    image = ".. image:: /auto_gallery/1_tests/images/sphx_glr_plot_one_002.svg\n   :alt: Two lines\n\n"
    (gallery / "plot_one.rst").write_text(f":orphan:\n\nOne\n===\n\n{image}")
    (evidence / "1_tests").mkdir(parents=True)
    for name, device in (("plot_one", "Some CPU"), ("plot_other", "Another CPU")):
        about = {"kind": "provenance", "device": device, "threads": "1", "driver": None, "date": "2026-11-26"}
        (evidence / "1_tests" / f"{name}.jsonl").write_text(json.dumps(about))
    page = build(FIGURE)
    assert "Measured by this build on Some CPU, 1 thread (2026-11-26);" in page.get_text()
    [figure] = page.select("img.figure")
    assert "Two lines" == figure["alt"]
    link = page.find("a", string="the script")
    assert (project / "html" / "outputs" / link["href"]).resolve().is_file()


def test_a_preview_says_how_to_get_it(build: Build) -> None:
    """Where no example ran there is a box with a sentence instead."""
    page = build(FIGURE)
    assert "nox -s docs draws it" in page.select_one(".empty-state").get_text()
    assert [] == page.select("img.figure")


def test_an_example_that_does_not_exist_fails_the_build(build: Build) -> None:
    """A name that is written wrongly is no preview."""
    with pytest.raises(Exception, match="there is no figure 1 of"):
        build("```{gallery-figure} 1_tests/plot_two 1\n```")
