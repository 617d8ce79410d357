"""A curve of bounded length, however many points go into it."""

from __future__ import annotations

__all__ = ["Downsampler"]


class Downsampler:
    """Points of a curve; whenever there are too many, neighbours are merged in pairs.

    Parameters
    ----------
    limit
        The most points to keep, an even number.

    Attributes
    ----------
    x, y
        Where each point begins, and the mean of its values. A value that is not finite makes its point so.
    low, high
        The smallest and the largest of its values.

    Examples
    --------
    >>> curve = Downsampler(limit=2)
    >>> for value in (1.0, 3.0, 5.0):
    ...     curve.add(value)
    >>> curve.y, curve.high
    ([2.0, 5.0], [3.0, 5.0])
    """

    def __init__(self, *, limit: int = 512) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self._limit = limit
        self._stretch = 1
        self._count = 0  # values in the last point

    def add(self, y: float, x: float = 0.0) -> None:
        """Take a value."""
        if self._count % self._stretch:
            self._count += 1
            # Divided first, since a sum of large numbers would overflow.
            self.y[-1] += y / self._count - self.y[-1] / self._count
            self.low[-1] = min(self.low[-1], y)
            self.high[-1] = max(self.high[-1], y)
            return
        if len(self.y) == self._limit:
            self._halve()
        self._count = 1
        self.x.append(x)
        for values in (self.y, self.low, self.high):
            values.append(y)

    def _halve(self) -> None:
        self._stretch *= 2
        self.x = self.x[::2]
        self.y = [one / 2 + other / 2 for one, other in zip(self.y[::2], self.y[1::2], strict=True)]
        self.low = [min(pair) for pair in zip(self.low[::2], self.low[1::2], strict=True)]
        self.high = [max(pair) for pair in zip(self.high[::2], self.high[1::2], strict=True)]
