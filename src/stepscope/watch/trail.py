"""How a quantity went over a whole run, in a few hundred points however long it is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Trail", "resampled"]

_MOST = 512


class Trail:
    """Means over stretches of equal length, which double when there are too many.

    Examples
    --------
    >>> trail = Trail()
    >>> for value in (1.0, 2.0, 4.0):
    ...     trail.add(value)
    >>> trail.points()
    (1.0, 2.0, 4.0)
    """

    def __init__(self) -> None:
        self._points: list[float] = []
        self._stretch = 1
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        """Take the next value; one that is not finite makes its whole stretch so."""
        self._sum += value
        self._count += 1
        if self._count < self._stretch:
            return
        self._points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._points) == _MOST:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points = [first / 2 + second / 2 for first, second in pairs]
            self._stretch *= 2

    def points(self) -> tuple[float, ...]:
        """Return the means, that of the stretch at hand included."""
        return (*self._points, self._sum / self._count) if self._count else tuple(self._points)


def resampled(values: Sequence[float], size: int) -> list[float]:
    """Return `size` values: means of as many equal parts, or points between where there are fewer values.

    >>> resampled([1, 3, 5, 7], 2), resampled([1, 3], 3)
    ([2.0, 6.0], [1.0, 2.0, 3.0])
    """
    if len(values) <= size:
        return [_between(values, (len(values) - 1) * index / max(1, size - 1)) for index in range(size)]
    ends = [round(part * len(values) / size) for part in range(size + 1)]
    parts = [values[start:end] for start, end in pairwise(ends)]
    return [sum(value / len(part) for value in part) for part in parts]


def _between(values: Sequence[float], place: float) -> float:
    index = int(place)
    first, following = values[index], values[min(index + 1, len(values) - 1)]
    return float(first) if place == index else first + (following - first) * (place - index)
