"""Records on a page: the JSON that the command prints, laid out for reading."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._sphinx.records import format_record
from stepscope.logs import read

if TYPE_CHECKING:
    from tests._sphinx.conftest import Build

RECORDING = Path(__file__).parents[2] / "recordings" / "rsl_rl" / "5.5.1" / "default.txt"


def test_the_layout_changes_nothing() -> None:
    """What is shown is the record, field by field."""
    for record in read(RECORDING):
        assert record.to_dict() == json.loads(format_record(record.to_dict()))


def test_lines_are_short() -> None:
    """A field of many entries has a line for each, so that nothing but a long text is wide."""
    iteration = next(record for record in read(RECORDING) if record.kind == "iteration")
    assert max(map(len, format_record(iteration.to_dict()).splitlines())) < 80


def test_a_page_shows_the_record_that_is_selected(build: Build) -> None:
    """It is the one that the reader makes of that part of the recording."""
    page = build("```{record} rsl_rl/5.5.1/default.txt\n:show: iteration 2\n```")
    third = [record for record in read(RECORDING) if record.kind == "iteration"][2]
    assert third.to_dict() == json.loads(page.select_one(".record pre").get_text())


def test_a_page_can_show_some_fields(build: Build) -> None:
    """Fields that are not named are left out."""
    page = build("```{record} rsl_rl/5.5.1/default.txt\n:show: iteration 2\n:only: kind fps\n```")
    assert ["kind", "fps"] == list(json.loads(page.select_one(".record pre").get_text()))


def test_a_selection_of_nothing_fails_the_build(build: Build) -> None:
    """A page cannot show an empty record by mistake."""
    with pytest.raises(Exception, match=re.escape("has no record that 'iteration 99' selects")):
        build("```{record} rsl_rl/5.5.1/default.txt\n:show: iteration 99\n```")
