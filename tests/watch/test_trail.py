"""How a quantity went, in few points."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.watch.trail import Trail, resampled


@given(st.integers(1, 3000))
def test_the_points_are_few_and_keep_the_mean_and_the_order(count: int) -> None:
    """A straight line stays one, however many values there were."""
    trail = Trail()
    for value in range(count):
        trail.add(float(value))
    points = trail.points()
    assert len(points) <= 512
    assert sorted(points) == list(points)
    assert 0 <= points[0] <= count / 256
    assert count - 1 - count / 128 <= points[-1] <= count - 1


def test_a_value_that_is_no_number_is_not_hidden() -> None:
    """Among ten thousand values, one NaN is still seen."""
    trail = Trail()
    for value in range(10_000):
        trail.add(math.nan if value == 5000 else 1.0)
    assert 1 == sum(math.isnan(point) for point in trail.points())


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300), st.integers(1, 200))
def test_resampling_gives_as_many_values_between_the_same_bounds(values: list[float], size: int) -> None:
    """No point is above the highest or below the lowest."""
    found = resampled(values, size)
    slack = 1e-6 * (1 + max(map(abs, values)))
    assert size == len(found)
    assert min(values) - slack <= min(found)
    assert max(found) <= max(values) + slack


def test_means_of_parts() -> None:
    """Where there are more values than points, a point is the mean of its part."""
    assert [2.0, 5.0] == resampled([1, 3, 4, 6], 2)
    assert [1.0, 1.5, 2.0] == pytest.approx(resampled([1, 2], 3))
