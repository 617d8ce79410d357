"""Medians of very many values."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.runs._quantiles import EXACT, QuantileSketch


def _spread(values: list[float]) -> list[float] | None:
    kept = QuantileSketch()
    for value in values:
        kept.add(value)
    spread = kept.quartiles()
    assert spread is None or spread.count == sum(0 < value < float("inf") for value in values)
    return None if spread is None else [spread.low, spread.median, spread.high]


@given(st.lists(st.floats(1e-3, 1e9), min_size=2, max_size=50))
def test_quartiles_are_those_of_python(values: list[float]) -> None:
    """The statistics module interpolates between two values in the same way."""
    assert statistics.quantiles(values, n=4, method="inclusive") == pytest.approx(_spread(values))


def test_a_single_value_is_its_own_spread() -> None:
    """There is nothing to its left or right."""
    assert [7.0, 7.0, 7.0] == _spread([7.0])


@pytest.mark.parametrize("values", [[], [0.0, -1.0, float("nan"), float("inf")]])
def test_what_is_not_a_positive_number_does_not_count(values: list[float]) -> None:
    """A rate of zero or of no number has no place among rates."""
    assert _spread(values) is None


@pytest.mark.parametrize("extra", [-1, 0, 1, 3 * EXACT])
@pytest.mark.parametrize("mean", [-5, 0, 10])
def test_very_many_values_are_known_well_enough(extra: int, mean: int) -> None:
    """Beyond what is kept as it is, quartiles are right to 0.05 %, of small numbers too."""
    values = np.random.default_rng(0).lognormal(mean, 1, size=EXACT + extra)
    kept = QuantileSketch()
    for value in values:
        kept.add(float(value))
    spread = kept.quartiles(scale=2)
    assert spread is not None
    expected = 2 * np.quantile(values, [0.25, 0.5, 0.75])
    assert expected == pytest.approx([spread.low, spread.median, spread.high], rel=6e-4)


def test_memory_does_not_grow_with_them() -> None:
    """Half a megabyte is kept of two million values, however far they are apart."""
    kept = QuantileSketch()
    for exponent in range(2_000_000):
        kept.add(10.0 ** (exponent % 40 - 20))
    assert kept._bins is not None
    assert kept._bins.itemsize * len(kept._bins) + kept._exact.itemsize * EXACT < 1_000_000
    spread = kept.quartiles()
    assert spread is not None
    assert (1e-6, 1e12) == (
        pytest.approx(spread.low, rel=1e-3),
        pytest.approx(spread.high, rel=5e-2, abs=1e12),
    )
