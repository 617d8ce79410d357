"""A measured figure with its interval, and what can be decided from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from stepscope.evidence import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.measure._disturbance import Disturbance

    _Test = Callable[[float, float], bool]

__all__ = ["Estimate", "all_of"]

_CONFIDENCE = 0.95
# What the processor's time of one side may grow by where other work empties the caches: a margin that is chosen. Seen
# once: a ratio of 3.61 on a quiet machine was 3.54 (3.48 to 3.61) beside two endless loops.
_CACHES = 0.1
_LEAST = 6  # samples: the range of fewer covers the median less often than that


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The median of a figure that was measured again and again, with its confidence interval.

    Attributes
    ----------
    value
        The median.
    low, high
        Between these the true median lies, with a confidence of at least 95 % where there are six samples or more.
    samples
        How often it was measured.
    disturbance
        How much other work disturbed the measurement.
    exposed
        Whether other work takes away from the figure, as it does from wall times. Times of the processor lose no more
        than what it costs to fill the caches again.

    Notes
    -----
    The interval is that of the sign test: between order statistics whose ranks the binomial distribution gives. It
    assumes nothing about the distribution of the samples, which other work makes skewed.
    """

    value: float
    low: float
    high: float
    samples: int
    disturbance: Disturbance | None = None
    exposed: bool = False

    @classmethod
    def of(
        cls, samples: Sequence[float], *, disturbance: Disturbance | None = None, exposed: bool = False
    ) -> Estimate:
        """Summarise samples.

        Examples
        --------
        >>> Estimate.of([2.0, 2.1, 1.9, 2.0, 2.2, 2.0, 2.1]).show("{:.1f}x")
        '2.0x (1.9x to 2.2x)'
        """
        ordered = sorted(samples)
        rank = _rank(len(ordered))
        return cls(
            value=median(ordered),
            low=ordered[rank],
            high=ordered[-1 - rank],
            samples=len(ordered),
            disturbance=disturbance,
            exposed=exposed,
        )

    def show(self, form: str = "{:.2f}") -> str:
        """Format the figure and its interval, each number by the same format string.

        Examples
        --------
        >>> Estimate(value=0.5, low=0.45, high=0.55, samples=7).show("{:.0%}")
        '50% (45% to 55%)'
        """
        value, low, high = (form.format(number) for number in (self.value, self.low, self.high))
        return value if value == low == high else f"{value} ({low} to {high})"

    def above(self, least: float) -> Decision:
        """Decide whether the figure is above a threshold."""
        return self._decide(f"above {least:g}", lambda low, _: low > least, lambda _, high: high <= least)

    def below(self, most: float) -> Decision:
        """Decide whether the figure is below a threshold."""
        return self._decide(f"below {most:g}", lambda _, high: high < most, lambda low, _: low >= most)

    def between(self, least: float, most: float) -> Decision:
        """Decide whether the figure lies between two thresholds."""
        return self._decide(
            f"between {least:g} and {most:g}",
            lambda low, high: low > least and high < most,
            lambda low, high: high <= least or low >= most,
        )

    def _decide(self, expected: str, holds: _Test, fails: _Test) -> Decision:
        measured = self.show("{:.3g}")
        low, high = self.low, self.high
        if math.isnan(self.value):  # it was measured, and supports nothing
            return Decision(holds=False, expected=expected, measured=measured)
        if self.samples < _LEAST:
            why = f"{self.samples} measurements are too few to tell"
            return Decision(holds=None, expected=expected, measured=measured, why=why)
        verdict = True if holds(low, high) else False if fails(low, high) else None
        if verdict is None:
            why = f"the interval {low:.3g} to {high:.3g} lies on both sides"
            return Decision(holds=None, expected=expected, measured=measured, why=why)
        if self.disturbance is not None and self.disturbance.busy:
            # Other work may have lengthened one side and not the other: only what stays true then is decided.
            left = 1.0 - (self.disturbance.share if self.exposed else _CACHES)
            wide = (low * left, high / left if left else math.inf)
            if not (holds if verdict else fails)(*wide):
                why = f"the machine was too busy ({self.disturbance})"
                return Decision(holds=None, expected=expected, measured=measured, why=why)
        return Decision(holds=verdict, expected=expected, measured=measured)


def all_of(*decisions: Decision) -> Decision:
    """Decide whether all conditions are met: one that is not decides, else one that is undecided leaves it open."""
    worst = min(decisions, key=lambda decision: {False: 0, None: 1, True: 2}[decision.holds])
    if worst.holds:
        return Decision(
            holds=True,
            expected=" and ".join(dict.fromkeys(decision.expected for decision in decisions)),
            measured=", ".join(decision.measured for decision in decisions),
        )
    return worst


def _rank(count: int) -> int:
    """Return the index of the lower end of the interval among the ordered samples, counted from 0."""
    rank, tail = 0, 0.5**count
    # The chance that the median lies outside of two order statistics is twice the tail below the lower one.
    while rank + 1 <= (count - 1) // 2:
        tail += math.comb(count, rank + 1) * 0.5**count
        if 2 * tail > 1 - _CONFIDENCE:
            break
        rank += 1
    return rank
