"""Quartiles of very many values, in memory that does not grow."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EXACT", "QuantileSketch", "Quartiles"]

EXACT = 1 << 16
"""As many values are kept as they are; of more, each is kept to 0.05 %."""

_LARGEST = 1e300  # beyond, an interpolation overflows
_LOW, _HIGH = 1e-6, 1e12  # what is counted or timed lies between; anything beyond counts as the bound
_BINS_PER_E = 1000  # logarithmic bins, each 0.1 % wide
_FIRST_BIN = math.floor(math.log(_LOW) * _BINS_PER_E)
_LAST_BIN = math.ceil(math.log(_HIGH) * _BINS_PER_E) - _FIRST_BIN


@dataclass(frozen=True, kw_only=True, slots=True)
class Quartiles:
    """The typical value, and how much the values vary.

    Attributes
    ----------
    median
        Half of the values are smaller.
    low, high
        First and third quartile: half of the values lie between.
    count
        How many values there are.
    """

    median: float
    low: float
    high: float
    count: int


class QuantileSketch:
    """Positive numbers, of which only the quartiles are wanted.

    Many of them are counted in logarithmic bins, so that the relative error is bounded as in DDSketch (Masson, Rim and
    Lee, VLDB 2019).
    """

    def __init__(self) -> None:
        self._exact = array("d")
        self._bins: array[int] | None = None
        self._binned = 0

    def add(self, value: float) -> None:
        """Take a value; one that is not a positive number is left out."""
        if 0 < value < _LARGEST:
            self._exact.append(value)
            if len(self._exact) == EXACT:
                self._flush_to_bins()

    def quartiles(self, *, scale: float = 1) -> Quartiles | None:
        """Return the quartiles of the values, each times `scale`; None if there are no values."""
        count = self._binned + len(self._exact)
        if not count:
            return None
        if self._bins is not None:
            values = list(self._binned_quartiles(count))
        elif count == 1:
            values = [self._exact[0]] * 3
        else:
            values = quantiles(self._exact, n=4, method="inclusive")
        low, median, high = (scale * value for value in values)
        return Quartiles(median=median, low=low, high=high, count=count)

    def _binned_quartiles(self, count: int) -> Iterator[float]:
        bins = array("Q", self._bins or ())
        for value in self._exact:
            bins[_bin(value)] += 1
        ranks = [count * quarter // 4 for quarter in (1, 2, 3)]
        smaller = 0
        for index, size in enumerate(bins):
            smaller += size
            while ranks and ranks[0] < smaller:
                del ranks[0]
                yield math.exp((index + _FIRST_BIN + 0.5) / _BINS_PER_E)

    def _flush_to_bins(self) -> None:
        """Count the values that were kept as they are."""
        if self._bins is None:
            self._bins = array("Q", bytes(8 * (_LAST_BIN + 1)))
        for value in self._exact:
            self._bins[_bin(value)] += 1
        self._binned += len(self._exact)
        del self._exact[:]


def _bin(value: float) -> int:
    return min(max(int(math.log(value) * _BINS_PER_E - _FIRST_BIN), 0), _LAST_BIN)
