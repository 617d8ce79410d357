"""The cost model against its closed form."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepscope.errors import BadInputError
from stepscope.plan import CostModel

costs = st.floats(1e-9, 1.0)
sizes = st.lists(st.integers(1, 1_000_000), min_size=2, max_size=8, unique=True)


@given(fixed=costs, per_env=costs, num_envs=sizes)
@example(fixed=1.0, per_env=1.0, num_envs=[59755, 59756])  # neighbours leave few digits to tell the two apart
def test_points_on_a_line_give_the_line(fixed: float, per_env: float, num_envs: list[int]) -> None:
    """Exact step times are predicted exactly, whatever they are made of."""
    model = CostModel.fit([(size, fixed + per_env * size) for size in num_envs])
    for size in num_envs:
        assert math.isclose(fixed + per_env * size, model.predict(size), rel_tol=1e-6)


def test_half_of_the_peak_rate_is_at_a_over_b() -> None:
    """At N½ = a/b the rate is half of its limit 1/b."""
    model = CostModel.fit([(100, 3e-3), (400, 6e-3)])  # a = 2 ms, b = 10 µs
    assert math.isclose(200.0, model.half_rate_num_envs)
    assert math.isclose(100_000.0, model.peak_rate)
    assert math.isclose(model.peak_rate / 2, model.rate(model.half_rate_num_envs))


def test_small_sizes_count_as_much_as_large_ones() -> None:
    """A tenth more at every size is a tenth more cost of both kinds: errors are relative."""
    points = [(64, 1.1e-3), (1024, 2.2e-3), (65536, 66e-3)]
    model, larger = CostModel.fit(points), CostModel.fit([(size, 1.1 * seconds) for size, seconds in points])
    assert math.isclose(1.1 * model.fixed, larger.fixed)
    assert math.isclose(1.1 * model.per_env, larger.per_env)


@pytest.mark.parametrize("seed", range(20))
def test_no_other_line_fits_better(seed: int) -> None:
    """Among non-negative costs the fit has the least sum of squared relative errors."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    points = [(2**power, rng.uniform(1e-3, 5e-3)) for power in range(0, 12, 3)]

    def loss(model: CostModel) -> float:
        return sum((model.predict(size) / seconds - 1) ** 2 for size, seconds in points)

    best = CostModel.fit(points)
    assert min(best.fixed, best.per_env) >= 0
    for _ in range(200):
        fixed, per_env = best.fixed + rng.gauss(0, 1e-4), best.per_env + rng.gauss(0, 1e-6)
        other = CostModel(fixed=max(0.0, fixed), per_env=max(0.0, per_env))
        assert loss(best) <= loss(other) + 1e-12


def test_costs_are_never_negative() -> None:
    """Where noise would ask for a negative cost it is zero, and the other one fits alone."""
    assert CostModel.fit([(10, 2.0), (20, 1.0)]).per_env == 0.0
    assert CostModel.fit([(10, 1.0), (20, 3.0)]).fixed == 0.0
    assert math.inf == CostModel.fit([(10, 2.0), (20, 1.0)]).half_rate_num_envs


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(64, 1.0)],
        [(64, 1.0), (64, 2.0)],
        [(0, 1.0), (64, 1.0)],
        [(1, -1.0), (2, 1.0)],
        [(1, math.nan), (2, 1)],
    ],
)
def test_too_little_to_fit_gets_a_sentence(points: list[tuple[int, float]]) -> None:
    """Fewer than two sizes, or sizes and times that are not positive, are refused in one line."""
    with pytest.raises(BadInputError, match="cost model needs"):
        CostModel.fit(points)
