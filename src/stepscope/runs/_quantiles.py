"""Medians of very many values, in memory that does not grow."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EXACT", "Spread", "Values"]

EXACT = 1 << 16
"""As many values are kept as they are; of more, each is kept to 0.05 %."""

_INFINITE = math.inf
_LEAST, _MOST = 1e-6, 1e12  # what is counted or timed lies between; anything beyond counts as the bound
_BINS_PER_E = 1000  # logarithmic bins, each 0.1 % wide
_LOWEST = math.floor(math.log(_LEAST) * _BINS_PER_E)
_HIGHEST = math.ceil(math.log(_MOST) * _BINS_PER_E) - _LOWEST


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """What is typical of some values, and how much they differ.

    Attributes
    ----------
    median
        Half of the values are smaller.
    low, high
        Between them lies the middle half.
    count
        How many values there are.
    """

    median: float
    low: float
    high: float
    count: int


class Values:
    """Positive numbers, of which only the spread is wanted."""

    def __init__(self) -> None:
        self._exact = array("d")
        self._bins: array[int] | None = None
        self._poured = 0

    def add(self, value: float) -> None:
        """Take a value; one that is not a positive number is none."""
        if 0 < value < _INFINITE:
            self._exact.append(value)
            if len(self._exact) == EXACT:
                self._pour()

    def spread(self, *, scale: float = 1) -> Spread | None:
        """Return the spread of the values, each times `scale`; None if there are none."""
        count = self._poured + len(self._exact)
        if not count:
            return None
        low, median, high = (scale * value for value in self._quantiles(count))
        return Spread(median=median, low=low, high=high, count=count)

    def _quantiles(self, count: int) -> Iterator[float]:
        if self._bins is None:
            yield from _quarters(sorted(self._exact))
            return
        bins = array("Q", self._bins)
        for value in self._exact:
            bins[_bin(value)] += 1
        ranks = [count * quarter // 4 for quarter in (1, 2, 3)]
        seen = 0
        for index, here in enumerate(bins):
            seen += here
            while ranks and ranks[0] < seen:
                del ranks[0]
                yield math.exp((index + _LOWEST + 0.5) / _BINS_PER_E)

    def _pour(self) -> None:
        """Count the values that were kept as they are."""
        if self._bins is None:
            self._bins = array("Q", bytes(8 * (_HIGHEST + 1)))
        bins, log = self._bins, math.log
        for value in self._exact:
            index = int(log(value) * _BINS_PER_E - _LOWEST)
            bins[index if 0 <= index <= _HIGHEST else _bin(value)] += 1
        self._poured += len(self._exact)
        del self._exact[:]


def _bin(value: float) -> int:
    return min(max(int(math.log(value) * _BINS_PER_E - _LOWEST), 0), _HIGHEST)


def _quarters(values: list[float]) -> Iterator[float]:
    """Yield the quartiles of sorted values; between two of them they are interpolated."""
    for quarter in (1, 2, 3):
        place, rest = divmod((len(values) - 1) * quarter, 4)
        following = values[min(place + 1, len(values) - 1)]
        yield values[place] + (following - values[place]) * rest / 4
