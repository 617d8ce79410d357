"""Bars and curves of characters."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope._common.format import share_widths
from stepscope.watch.charts import columns, curve, progress_bar, resample
from stepscope.watch.layout import ASCII, UNICODE, Glyphs

_GLYPHS = st.sampled_from([UNICODE, ASCII])
_VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=200)


@given(_VALUES, st.integers(1, 120), st.integers(1, 8), _GLYPHS)
def test_a_curve_fills_its_rectangle(values: list[float], width: int, height: int, glyphs: Glyphs) -> None:
    """Whatever the values are, there are as many rows and cells as asked for."""
    rows = curve(values, width=width, height=height, glyphs=glyphs)
    assert [width] * height == [len(row) for row in rows]


@given(_VALUES, st.integers(1, 120), _GLYPHS)
def test_columns_fill_their_row(values: list[float], width: int, glyphs: Glyphs) -> None:
    """Whatever the values are, there are as many cells as asked for."""
    assert width == len(columns(values, width=width, glyphs=glyphs))


def dots(rows: list[str]) -> set[tuple[int, int]]:
    """Return the places of the dots of Braille, counted from the left and from below."""
    places = {
        0x01: (0, 3),
        0x02: (0, 2),
        0x04: (0, 1),
        0x40: (0, 0),
        0x08: (1, 3),
        0x10: (1, 2),
        0x20: (1, 1),
        0x80: (1, 0),
    }
    return {
        (2 * across + x, 4 * up + y)
        for up, row in enumerate(reversed(rows))
        for across, char in enumerate(row)
        for bit, (x, y) in places.items()
        if (ord(char) - 0x2800) & bit
    }


def test_a_straight_line_is_drawn_straight() -> None:
    """From the lower left to the upper right corner, one dot a column."""
    lit = dots(curve(range(16), width=8, height=4, glyphs=UNICODE))
    assert {(place, place) for place in range(16)} == lit


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=60), st.integers(1, 30), st.integers(1, 6))
def test_a_curve_has_no_gap(values: list[int], width: int, height: int) -> None:
    """The dots of each column touch those of the one before."""
    lit = dots(curve(values, width=width, height=height, glyphs=UNICODE))
    levels = [sorted(y for x, y in lit if x == column) for column in range(2 * width)]
    for before, after in pairwise(levels):
        assert before
        assert list(range(after[0], after[-1] + 1)) == after
        assert after[0] <= before[-1] + 1
        assert before[0] - 1 <= after[-1]


def test_a_value_that_is_no_number_leaves_a_mark() -> None:
    """A reward that became NaN is no gap that could be overlooked."""
    rows = curve([1.0, 2.0, math.nan, math.nan], width=2, height=2, glyphs=UNICODE)
    assert "!" == rows[-1][1]
    assert "▇!" == columns([5.0, math.nan], width=2, glyphs=UNICODE)


def test_columns_begin_at_zero() -> None:
    """A rate that varies by a percent looks steady."""
    assert "▇▇▇▇" == columns([100, 99, 100, 99], width=4, glyphs=UNICODE)
    assert "▄▇" == columns([50, 100], width=2, glyphs=UNICODE)
    assert "▁▁" == columns([0, 0], width=2, glyphs=UNICODE)


@given(st.floats(0, 1), st.integers(1, 200), _GLYPHS)
def test_a_progress_bar_is_as_long_as_the_share(share: float, width: int, glyphs: Glyphs) -> None:
    """To half a cell, and it is full only when all is done."""
    done, ahead = progress_bar(share, width=width, glyphs=glyphs)
    cells = done.count(glyphs.done) + 0.5 * done.count(glyphs.tip)
    assert width == len(done + ahead)
    assert abs(cells - share * width) <= 0.5
    assert (share == 1) == (cells == width) or share > 1 - 1e-9


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=3), st.integers(1, 200))
def test_shares_fill_the_bar(parts: list[float], width: int) -> None:
    """Each takes its share to a cell, and together they take all."""
    shares = [part / sum(parts) for part in parts]
    cells = share_widths(shares, width=width)
    assert width == sum(cells)
    assert all(abs(size - share * width) <= 1 for size, share in zip(cells, shares, strict=True))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(1, 200))
def test_resampling_gives_as_many_values_between_the_same_bounds(values: list[float], size: int) -> None:
    """No point is above the highest or below the lowest."""
    points = resample(values, size)
    slack = 1e-6 * (1 + max(map(abs, values)))
    assert size == len(points)
    assert min(values) - slack <= min(points)
    assert max(points) <= max(values) + slack


def test_means_of_parts() -> None:
    """Where there are more values than points, a point is the mean of its part."""
    assert [2.0, 5.0] == resample([1, 3, 4, 6], 2)
    assert [1.0, 1.5, 2.0] == pytest.approx(resample([1, 2], 3))
