"""The colours and characters of the view."""

from __future__ import annotations

import io
from dataclasses import astuple

import pytest

from stepscope import plots
from stepscope.watch.layout import ASCII, BAD, COLOURS, UNICODE, glyphs_for


def test_the_colours_are_those_of_the_plots() -> None:
    """A library has one colour everywhere; of two blues it is the one that is seen on dark ground."""
    for library, colour in COLOURS.items():
        assert plots._DARK.get(plots.COLOURS[library], plots.COLOURS[library]) == colour
    assert len(COLOURS) > 3
    assert plots.COLOURS["failure"] == BAD


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_marks_take_one_cell(glyphs: object) -> None:
    """Rows are counted in characters."""
    for name in ("done", "tip", "ahead", "dot", "lit", "edge", "hole", "times", "about"):
        assert 1 == len(getattr(glyphs, name))


def test_a_terminal_gets_what_it_can_show() -> None:
    """Where the encoding has no blocks, characters that every terminal has take their place."""
    assert UNICODE == glyphs_for(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    for encoding in ("ascii", "latin-1", "cp1252", "cp437"):
        assert ASCII == glyphs_for(io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert "".join(map(str, astuple(ASCII))).isascii()
