"""A curve in few points."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope._common.downsampling import Downsampler


@given(st.integers(1, 3000))
def test_the_points_are_few_and_keep_the_mean_and_the_order(count: int) -> None:
    """A straight line stays one, however many values there were, and no value lies outside of the bounds."""
    curve = Downsampler()
    for value in range(count):
        curve.add(float(value), value)
    assert len(curve.x) == len(curve.y) <= 512
    assert sorted(curve.y) == curve.y
    assert 0 <= curve.y[0] <= count / 256
    assert count - 1 - count / 128 <= curve.y[-1] <= count - 1
    assert (0, count - 1) == (curve.low[0], curve.high[-1])
    assert all(x == low <= y <= high for x, y, low, high in zip(*_columns(curve), strict=True))


def _columns(curve: Downsampler) -> tuple[list[float], ...]:
    return curve.x, curve.y, curve.low, curve.high


def test_a_value_that_is_no_number_is_not_hidden() -> None:
    """Among ten thousand values, one NaN is still seen."""
    curve = Downsampler()
    for value in range(10_000):
        curve.add(math.nan if value == 5000 else 1.0)
    assert 1 == sum(map(math.isnan, curve.y))


@given(st.floats(1e307, 1.7e308), st.integers(2, 20))
def test_means_of_large_numbers_do_not_overflow(value: float, count: int) -> None:
    """Their sum would."""
    curve = Downsampler(limit=2)
    for _ in range(count):
        curve.add(value)
    assert pytest.approx([value] * len(curve.y)) == curve.y
