"""First, last and best value of a metric, such as the reward."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MetricTracker", "MetricTrend"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricTrend:
    """First, last and best value of a metric.

    Attributes
    ----------
    first, last
        The first and the last value, which may be NaN.
    best
        The largest that is a number; None if none is.
    best_at
        The iteration that printed it, in the library's count; None where iterations are not counted.
    count
        How many values there are.
    """

    first: float
    last: float
    best: float | None
    best_at: int | None
    count: int


class MetricTracker:
    """Takes the values of one metric."""

    def __init__(self) -> None:
        self._first = self._last = math.nan
        self._best: float | None = None
        self._best_at: int | None = None
        self._count = 0

    def add(self, value: float, at: int | None) -> None:
        """Take a value that belongs to iteration `at`."""
        if not self._count:
            self._first = value
        self._count += 1
        self._last = value
        if value > (-math.inf if self._best is None else self._best):
            self._best, self._best_at = value, at

    def trend(self) -> MetricTrend | None:
        """Return the trend; None if there were no values."""
        if not self._count:
            return None
        return MetricTrend(
            first=self._first, last=self._last, best=self._best, best_at=self._best_at, count=self._count
        )
