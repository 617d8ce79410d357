"""The decision between the best settings: against known differences, and against Student's interval."""

from __future__ import annotations

import math

import pytest

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")

from stepscope.plan.tune._finals import CONFIDENCE, decide, mean_interval  # noqa: E402 - after the check

_SEEDS = 6
_STUDIES = 200


def _studies(*factors: float) -> list[list[list[float]]]:
    """Return the costs of settings whose times differ by these factors; a seed is hard or easy for all of them."""
    numbers = np.random.default_rng(5)
    studies = []
    for _ in range(_STUDIES):
        seeds = numbers.lognormal(3.0, 0.3, _SEEDS)
        studies.append(
            [(factor * seeds * numbers.lognormal(0.0, 0.15, _SEEDS)).tolist() for factor in factors]
        )
    return studies


def test_settings_that_are_alike_are_seldom_told_apart() -> None:
    """An error of at most 5 % is promised; 200 studies show at most 9 % then, in all but one of a thousand cases."""
    told = sum(len(decide(costs).tied) < 3 for costs in _studies(1.0, 1.0, 1.0))
    assert told <= stats.binom.ppf(0.999, _STUDIES, 1 - CONFIDENCE)


def test_two_that_are_alike_stay_tied_beside_a_bad_one() -> None:
    """The bad one is told apart; the two best are not, in at least 95 % of the studies."""
    decisions = [decide(costs) for costs in _studies(1.0, 1.0, 3.0)]
    assert sum(2 in decision.tied for decision in decisions) < 0.05 * _STUDIES
    assert sum(len(decision.tied) < 2 for decision in decisions) <= stats.binom.ppf(0.999, _STUDIES, 0.05)


def test_a_large_difference_is_found() -> None:
    """With twice the time for the others, the best is recommended nearly always, and always the right one."""
    decisions = [decide(costs) for costs in _studies(2.0, 1.0, 2.0)]
    assert sum(decision.tied == (1,) for decision in decisions) > 0.9 * _STUDIES
    assert not any(decision.tied in ((0,), (2,)) for decision in decisions)


def test_intervals_cover_the_mean() -> None:
    """The interval of a mean holds it about as often as it says, for normal and for skewed differences."""
    numbers = np.random.default_rng(7)
    draws = [numbers.normal(0.0, 1.0, _SEEDS) for _ in range(_STUDIES)]
    draws += [
        numbers.lognormal(0.0, 0.5, _SEEDS) - numbers.lognormal(0.0, 0.5, _SEEDS) for _ in range(_STUDIES)
    ]
    intervals = [mean_interval(draw.tolist()) for draw in draws]
    covered = sum(interval.low <= 0.0 <= interval.high for interval in intervals) / len(intervals)
    assert 0.89 < covered < 0.99


def test_intervals_are_as_wide_as_students() -> None:
    """On many normal values it is Student's interval."""
    values = np.random.default_rng(3).normal(10.0, 2.0, 200)
    interval = mean_interval(values.tolist())
    student = stats.t.interval(CONFIDENCE, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    assert pytest.approx(student, abs=0.05) == (interval.low, interval.high)


def test_pairs_matter() -> None:
    """Seeds that are hard for all settings do not hide a difference that each of them shows."""
    hard = [10.0, 40.0, 90.0, 20.0, 60.0, 30.0]
    other = [11.2, 41.0, 91.4, 21.1, 61.3, 30.9]
    decision = decide([hard, other])
    assert (0,) == decision.tied
    assert decide([hard, other[::-1]]).tied == (0, 1)


@pytest.mark.parametrize("seeds", range(1, 5))
def test_few_seeds_decide_nothing(seeds: int) -> None:
    """Fewer than five have the same sign by chance too often, however large the difference is."""
    decision = decide(
        [[1.0 + 0.1 * seed for seed in range(seeds)], [9.0 + 0.2 * seed for seed in range(seeds)]]
    )
    assert (0, 1) == decision.tied
    assert math.isinf(decision.differences[0].interval.low)


def test_equal_costs_are_tied() -> None:
    """Where no run reaches the threshold all of them cost the whole time."""
    assert (0, 1) == decide([[60.0] * 6, [60.0] * 6]).tied
    assert (0, 1) == decide([[60.0] * 5 + [50.0], [60.0] * 6]).tied
    assert (0,) == decide([[10.0] * 6, [60.0] * 6]).tied


def test_a_lead_of_less_than_one_per_cent_is_none() -> None:
    """However sure it is: what is printed a millisecond sooner is not better."""
    costs = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    assert (0, 1) == decide([costs, [cost + 0.5 for cost in costs]]).tied
    assert (0,) == decide([costs, [cost + 1.5 for cost in costs]]).tied
