"""Decide between the best settings: the same seeds for each, and an interval for each difference."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONFIDENCE", "Decision", "Difference", "Interval", "decide", "mean_interval"]

CONFIDENCE = 0.95
_RESAMPLES = 9999
_RELEVANT = 0.01  # of the best one's mean: a smaller lead is no reason to choose
_FEWEST = 5  # values: fewer have the same sign too often by chance, and a bootstrap does not go beyond them


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and where it may lie.

    Attributes
    ----------
    mean
        Mean of the values.
    low, high
        Ends of its BCa interval; infinite with too few values.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much more another setting costs than the best.

    Attributes
    ----------
    other
        Its place among the candidates.
    interval
        Mean of the differences, seed by seed, and its interval.
    decided
        Whether the other one costs more, beyond what the seeds vary, by at least 1 % of the best one's mean.
    """

    other: int
    interval: Interval
    decided: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The best of several settings, and whether it can be told from the others.

    Attributes
    ----------
    best
        Place of the candidate with the least mean cost.
    differences
        Of all others to it.
    """

    best: int
    differences: tuple[Difference, ...]

    @property
    def tied(self) -> tuple[int, ...]:
        """Places of the candidates that are not distinguishable from the best, which is the first of them."""
        return (self.best, *(difference.other for difference in self.differences if not difference.decided))


def decide(costs: Sequence[Sequence[float]]) -> Decision:
    """Compare candidates by the same seeds.

    Parameters
    ----------
    costs
        Of each candidate the cost with each seed, in the same order of seeds; less is better.

    Notes
    -----
    The best one is compared with all others, each at a confidence that leaves an error of 5 % for all of them together
    (Bonferroni).

    Examples
    --------
    >>> decide([[5.0, 6.0, 5.5, 5.2, 5.9], [9.1, 9.9, 9.7, 9.0, 9.4], [5.1, 5.9, 5.6, 5.1, 6.0]]).tied
    (0, 2)
    """
    means = [fmean(values) for values in costs]
    best = min(range(len(costs)), key=lambda place: means[place])
    others = [place for place in range(len(costs)) if place != best]
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(others))
    differences = []
    for place in others:
        pairs = zip(costs[place], costs[best], strict=True)
        interval = mean_interval([other - own for other, own in pairs], confidence)
        decided = interval.low > _RELEVANT * abs(means[best])
        differences.append(Difference(other=place, interval=interval, decided=decided))
    return Decision(best=best, differences=tuple(differences))


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of some values and its BCa interval.

    Notes
    -----
    Efron's bias-corrected and accelerated bootstrap (`scipy.stats.bootstrap`). With few values a bootstrap interval is too
    narrow, because its variance divides by n and it has the tails of the normal distribution and not Student's. The
    confidence that the bootstrap is asked for is therefore raised, as T. Hesterberg derives it (What Teachers Should Know
    About the Bootstrap, section 3.3, arXiv 1411.5279).
    """
    mean = fmean(values)
    if len(values) < _FEWEST:
        return Interval(mean=mean, low=-math.inf, high=math.inf)
    if len(set(values)) == 1:
        return Interval(mean=mean, low=mean, high=mean)
    from scipy import stats  # noqa: PLC0415 - optional

    count = len(values)
    quantile = stats.t.ppf(0.5 + confidence / 2, count - 1) * math.sqrt(count / (count - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        ends = stats.bootstrap(
            (values,),
            lambda sample, axis: sample.mean(axis=axis),
            confidence_level=2 * stats.norm.cdf(quantile) - 1,
            method="BCa",
            n_resamples=_RESAMPLES,
            rng=0,
        ).confidence_interval
    low, high = float(ends.low), float(ends.high)
    if math.isnan(low) or math.isnan(high):  # all but one are equal
        low, high = min(values), max(values)
    return Interval(mean=mean, low=low, high=high)
