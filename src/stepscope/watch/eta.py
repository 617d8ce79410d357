"""Time until a run is done, from the pace of its latest iterations.

A library's own estimate begins with the slow first iteration in it, and some print none.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["EtaEstimator"]

_SAMPLES = 64
_APART = 0.5  # seconds; a bar is drawn ten times in each, and an update takes longer than that
_ENOUGH = 4  # intervals between arrivals, before those are preferred to printed times
_COARSE = 10.0  # seconds since training began are printed as whole ones: a few of them tell little
_OUTLIER_FACTOR = 10  # times as slow as usual: the machine slept, or a debugger was open
_SHORTEST_OUTLIER = 60.0  # seconds
_RARE = 2  # outliers among the samples; more of them are the rule
_LONGEST = 1e9  # seconds: no run takes thirty years


class _Sample(NamedTuple):
    done: float
    arrived: float | None
    printed: float | None
    elapsed: float | None


class EtaEstimator:
    """Estimates seconds per iteration, or per whatever is counted, over the latest samples.

    There are three clocks: when lines arrive, if they are read as they are printed; the seconds that were printed of
    each iteration; and the seconds that were printed of the whole run. Only differences count, so the first iteration,
    which is cold, is never in it.
    """

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=_SAMPLES)
        self._printed = 0.0
        self._incomplete = False

    def add(
        self, count: float, *, arrived: float | None, seconds: float | None, elapsed: float | None
    ) -> None:
        """Take a sample.

        Parameters
        ----------
        count
            How many are done.
        arrived
            When that was read, if it was printed just then.
        seconds
            How long it took since the sample before, as printed.
        elapsed
            Seconds since training began, as printed.
        """
        if self._samples and count <= self._samples[-1].done:
            if count == self._samples[-1].done:
                return
            self._samples.clear()
        if not self._samples:
            self._printed, self._incomplete = 0.0, False
        elif seconds is not None and 0 <= seconds < _LONGEST:
            self._printed += seconds
        else:
            self._incomplete = True
        sample = _Sample(count, arrived, None if self._incomplete else self._printed, elapsed)
        if self._in_same_burst(sample) or (
            len(self._samples) > 1 and self._too_close(self._samples[-2], sample)
        ):
            self._samples[-1] = sample
        else:
            self._samples.append(sample)

    def _in_same_burst(self, sample: _Sample) -> bool:
        """Return whether a sample came at once with the one before: a buffer was full, and its end is what counts."""
        return (
            bool(self._samples) and sample.arrived is not None and sample.arrived == self._samples[-1].arrived
        )

    @staticmethod
    def _too_close(before: _Sample, sample: _Sample) -> bool:
        """Return whether the sample between two others tells nothing."""
        for clock in _CLOCKS:
            earlier, later = clock(before), clock(sample)
            if earlier is not None and later is not None:
                return later - earlier < _APART
        return False

    def pace(self) -> float | None:
        """Return the seconds per count; None while nothing tells."""
        arrived, printed, elapsed = (list(self._intervals(clock)) for clock in _CLOCKS)
        precise = math.fsum(seconds for _, seconds in elapsed) >= _COARSE
        order = (arrived[_ENOUGH - 1 :] and arrived, printed, precise and elapsed, arrived, elapsed)
        return next(
            (pace for intervals in order if intervals and (pace := _mean(intervals)) is not None), None
        )

    def _intervals(self, clock: Callable[[_Sample], float | None]) -> Iterator[tuple[float, float]]:
        """Yield how many were done, and in how many seconds, between one sample and the next that both have a time."""
        samples = list(self._samples)
        for before, after in pairwise(samples):
            begin, end = clock(before), clock(after)
            if begin is not None and end is not None and 0 <= end - begin < _LONGEST:
                yield after.done - before.done, end - begin

    def eta(self, remaining: float, *, now: float) -> float | None:
        """Return the seconds until `remaining` more are done; time since the latest sample counts."""
        pace = self.pace()
        if pace is None:
            return None
        latest = self._samples[-1].arrived
        passed = 0.0 if latest is None else min(max(0.0, now - latest), pace)
        return max(0.0, remaining * pace - passed)


_CLOCKS: tuple[Callable[[_Sample], float | None], ...] = (
    lambda sample: sample.arrived,
    lambda sample: sample.printed,
    lambda sample: sample.elapsed,
)


def _mean(intervals: list[tuple[float, float]]) -> float | None:
    """Return seconds per one, over all intervals; a rare one that was far too long counts as `_OUTLIER_FACTOR` usual ones.

    What comes regularly, such as an evaluation, is not rare and counts in full.
    """
    usual = median(seconds / count for count, seconds in intervals)
    limits = [max(_OUTLIER_FACTOR * usual * count, _SHORTEST_OUTLIER) for count, _ in intervals]
    rare = sum(seconds > most for (_, seconds), most in zip(intervals, limits, strict=True)) <= _RARE
    spent = math.fsum(
        min(seconds, most) if rare else seconds for (_, seconds), most in zip(intervals, limits, strict=True)
    )
    pace = spent / math.fsum(count for count, _ in intervals)
    return pace if 0 < pace < math.inf else None
