"""How long what remains will take, from how long the latest took.

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

__all__ = ["Pace"]

_MARKS = 64
_APART = 0.5  # seconds; a bar is drawn ten times in each, and an update takes longer than that
_ENOUGH = 4  # intervals between arrivals, before those are believed more than what was printed
_COARSE = 10.0  # seconds since training began are printed as whole ones: a few of them tell little
_HICCUP = 10  # times as slow as usual: the machine slept, or somebody looked into a debugger
_PAUSE = 60.0  # seconds; nothing shorter is taken for that
_RARE = 2
_LONGEST = 1e9  # seconds: no run takes thirty years, and a sum of numbers that are far too large is none


class _Mark(NamedTuple):
    done: float
    arrived: float | None
    printed: float | None
    elapsed: float | None


class Pace:
    """Seconds per iteration, or per whatever is counted, over the latest marks.

    Three clocks can tell it: when lines arrive, if they are read as they are printed; the seconds that were printed of
    each iteration; and the seconds that were printed of the whole run. Only differences count, so the first iteration,
    which is cold, is never in it.
    """

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque(maxlen=_MARKS)
        self._printed = 0.0
        self._lacking = False

    def add(
        self, count: float, *, arrived: float | None, seconds: float | None, elapsed: float | None
    ) -> None:
        """Take a mark.

        Parameters
        ----------
        count
            How many are done.
        arrived
            When that was read, if it was printed just then.
        seconds
            How long it took since the mark before, as printed.
        elapsed
            Seconds since training began, as printed.
        """
        if self._marks and count <= self._marks[-1].done:
            if count == self._marks[-1].done:
                return
            self._marks.clear()
        if not self._marks:
            self._printed, self._lacking = 0.0, False
        elif seconds is not None and 0 <= seconds < _LONGEST:
            self._printed += seconds
        else:
            self._lacking = True
        mark = _Mark(count, arrived, None if self._lacking else self._printed, elapsed)
        if self._in_one_burst(mark) or (len(self._marks) > 1 and self._close(self._marks[-2], mark)):
            self._marks[-1] = mark
        else:
            self._marks.append(mark)

    def _in_one_burst(self, mark: _Mark) -> bool:
        """Say whether a mark came at once with the one before: a buffer was full, and its end is what counts."""
        return bool(self._marks) and mark.arrived is not None and mark.arrived == self._marks[-1].arrived

    @staticmethod
    def _close(before: _Mark, mark: _Mark) -> bool:
        """Say whether the mark between two others tells nothing."""
        for clock in _CLOCKS:
            earlier, later = clock(before), clock(mark)
            if earlier is not None and later is not None:
                return later - earlier < _APART
        return False

    @property
    def latest(self) -> float | None:
        """When the latest mark arrived, if it was read as it was printed."""
        return self._marks[-1].arrived if self._marks else None

    def seconds(self) -> float | None:
        """Return the seconds that one takes; None while nothing tells."""
        arrived, printed, elapsed = (list(self._intervals(clock)) for clock in _CLOCKS)
        whole = math.fsum(seconds for _, seconds in elapsed) >= _COARSE
        order = (arrived[_ENOUGH - 1 :] and arrived, printed, whole and elapsed, arrived, elapsed)
        return next((pace for each in order if each and (pace := _mean(each)) is not None), None)

    def _intervals(self, clock: Callable[[_Mark], float | None]) -> Iterator[tuple[float, float]]:
        """Yield how many were done, and in how many seconds, between one mark and the next that both have a time."""
        marks = list(self._marks)
        for before, after in pairwise(marks):
            begin, end = clock(before), clock(after)
            if begin is not None and end is not None and 0 <= end - begin < _LONGEST:
                yield after.done - before.done, end - begin

    def left(self, remaining: float, *, now: float) -> float | None:
        """Return the seconds until `remaining` more are done; what has passed since the latest mark counts."""
        pace = self.seconds()
        if pace is None:
            return None
        passed = 0.0 if self.latest is None else min(max(0.0, now - self.latest), pace)
        return max(0.0, remaining * pace - passed)


_CLOCKS: tuple[Callable[[_Mark], float | None], ...] = (
    lambda mark: mark.arrived,
    lambda mark: mark.printed,
    lambda mark: mark.elapsed,
)


def _mean(intervals: list[tuple[float, float]]) -> float | None:
    """Return seconds per one, over all intervals; a rare one that was far too long counts as `_HICCUP` usual ones.

    What comes regularly, such as an evaluation, is not rare and counts in full.
    """
    usual = median(seconds / count for count, seconds in intervals)
    limits = [max(_HICCUP * usual * count, _PAUSE) for count, _ in intervals]
    rare = sum(seconds > most for (_, seconds), most in zip(intervals, limits, strict=True)) <= _RARE
    spent = math.fsum(
        min(seconds, most) if rare else seconds for (_, seconds), most in zip(intervals, limits, strict=True)
    )
    pace = spent / math.fsum(count for count, _ in intervals)
    return pace if 0 < pace < math.inf else None
