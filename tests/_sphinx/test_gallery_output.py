"""What an example printed, on a page of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build

PAGE = """:orphan:

One
===

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    first box



.. code-block:: Python

    print("second")

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    NaN in root_x
    before it       1.0

    and a second paragraph


"""


def test_a_box_is_shown_as_it_was_printed(build: Build, project: Path) -> None:
    """All lines of the second box, none of the first, and a link to the script."""
    gallery = project / "docs" / "auto_gallery" / "1_tests"
    gallery.mkdir(parents=True)
    (gallery / "plot_one.rst").write_text(PAGE)
    page = build("```{gallery-output} 1_tests/plot_one 2\n```")
    [box] = page.select("div.command-output pre")
    assert "NaN in root_x\nbefore it       1.0\n\nand a second paragraph" == box.get_text().strip("\n")
    assert "Printed by this build; the script shows how." in page.get_text()
    with pytest.raises(Exception, match="has 2 boxes of output"):
        build("```{gallery-output} 1_tests/plot_one 3\n```")


def test_a_preview_says_how_to_get_it(build: Build) -> None:
    """Where no example ran there is a box with a sentence instead."""
    page = build("```{gallery-output} 1_tests/plot_one 1\n```")
    assert "nox -s docs runs the example" in page.select_one(".empty-state").get_text()


def test_an_example_that_does_not_exist_fails_the_build(build: Build) -> None:
    """A wrong name is not a preview."""
    with pytest.raises(Exception, match="there is no output 1 of"):
        build("```{gallery-output} 1_tests/plot_two 1\n```")
