"""A figure with its interval decides what it can, and leaves open what it cannot."""

from __future__ import annotations

import math
import random

import pytest

from stepscope.evidence import Decision
from stepscope.measure import Disturbance, Estimate, all_of

BUSY = Disturbance(waited=0.4, pressure=0.9)
QUIET = Disturbance(waited=0.01, pressure=0.02)


def spaced(low: float, high: float, **settings: object) -> Estimate:
    """An estimate whose seven samples, and so whose interval, span these."""
    return Estimate.of([low + (high - low) * i / 6 for i in range(7)], **settings)


class TestInterval:
    @pytest.mark.parametrize(
        ("count", "rank"),
        [(6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (17, 5), (20, 6), (25, 8), (30, 10), (40, 14)],
    )
    def test_it_is_that_of_the_sign_test(self, count: int, rank: int) -> None:
        """The ranks are those of the printed tables for 95 % (Dixon and Mood, 1946; Conover, 1999)."""
        estimate = Estimate.of(list(range(1, count + 1)))
        assert (rank, count + 1 - rank) == (estimate.low, estimate.high)

    @pytest.mark.parametrize("count", [7, 10, 20])
    def test_it_covers_the_true_median(self, count: int) -> None:
        """In 95 of 100 experiments or more, with the skewed noise of a busy machine, too."""
        draw = random.Random(count)  # noqa: S311 - repeatable, not secret
        true = math.exp(0.0)  # the median of a log-normal distribution
        covered = 0
        for _ in range(3000):
            estimate = Estimate.of([draw.lognormvariate(0.0, 1.0) for _ in range(count)])
            covered += estimate.low <= true <= estimate.high
        assert covered / 3000 > 0.94

    def test_it_is_said_with_the_figure(self) -> None:
        """In the form that the script chooses."""
        assert "2.5x (2.0x to 3.0x)" == spaced(2, 3).show("{:.1f}x")
        assert "3" == Estimate.of([3.0]).show("{:.0f}")


class TestDecision:
    def test_an_interval_on_one_side_decides(self) -> None:
        """With what was measured and what was expected, in words."""
        assert Decision(holds=True, expected="above 1.5", measured="2.5 (2 to 3)") == spaced(2, 3).above(1.5)
        assert spaced(2, 3).above(4).holds is False
        assert spaced(2, 3).below(4).holds is True
        assert spaced(2, 3).below(1).holds is False
        assert spaced(2, 3).between(1, 4).holds is True
        assert spaced(2, 3).between(4, 5).holds is False

    @pytest.mark.parametrize(
        "decision", [spaced(2, 3).above(2.5), spaced(2, 3).below(2.5), spaced(2, 3).between(1, 2.5)]
    )
    def test_one_on_both_sides_leaves_it_open(self, decision: Decision) -> None:
        """It says so, with the interval."""
        assert decision.holds is None
        assert "the interval 2 to 3 lies on both sides" == decision.why

    def test_too_few_samples_leave_it_open(self) -> None:
        """Five agree by chance too often."""
        decision = Estimate.of([2.0, 2.1, 2.2, 2.3, 2.4]).above(1)
        assert (None, "5 measurements are too few to tell") == (decision.holds, decision.why)

    def test_what_is_not_a_number_supports_nothing(self) -> None:
        """It was measured, and is no question of noise."""
        assert Estimate.of([math.nan] * 7).above(1).holds is False

    def test_wall_times_of_a_busy_machine_decide_only_what_is_clear(self) -> None:
        """Other work may have taken 40 % of either side."""
        assert spaced(2, 3, disturbance=BUSY, exposed=True).above(1.5).holds is None
        assert "the machine was too busy" in spaced(2, 3, disturbance=BUSY, exposed=True).above(1.5).why
        assert spaced(20, 30, disturbance=BUSY, exposed=True).above(1.5).holds is True
        assert spaced(2, 3, disturbance=BUSY, exposed=True).above(40).holds is False
        assert spaced(2, 3, disturbance=QUIET, exposed=True).above(1.5).holds is True

    def test_times_of_the_processor_decide_more(self) -> None:
        """Other work scatters them, which the interval shows, and shifts them by its use of the caches at most."""
        assert spaced(2, 3, disturbance=BUSY).above(1.5).holds is True
        assert spaced(2, 3, disturbance=BUSY).above(1.95).holds is None
        assert spaced(2, 3, disturbance=QUIET).above(1.95).holds is True
        assert spaced(2, 3, disturbance=BUSY).above(3.1).holds is None
        assert spaced(2, 3, disturbance=BUSY).above(3.5).holds is False


def test_all_conditions_together() -> None:
    """One that fails decides, whatever is open besides."""
    yes, no, maybe = spaced(2, 3).above(1), spaced(2, 3).above(4), spaced(2, 3).above(2.5)
    assert all_of(yes, yes).holds is True
    assert all_of(yes, maybe) == maybe
    assert all_of(maybe, no, yes) == no
