"""What a figure of a run is drawn from, in memory that does not grow with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["MOST_RUNS", "RunSeries", "Series", "drawable"]

MOST_RUNS = 12
"""Runs that one figure draws: more curves than that are a tangle."""

_MOST = 2048  # points, an even number: more than a figure has pixels
_FARTHEST = 2.0**53  # beyond, neighbours fall together
_LARGEST, _SMALLEST = (
    1e36,
    1e-36,
)  # axes overflow long before a float does; a float of 32 bits holds no more either


def drawable(x: float, y: float = 0.0) -> bool:
    """Say whether a point can be drawn.

    >>> drawable(1, 2.5), drawable(1, float("nan")), drawable(1, 1e308), drawable(2**60)
    (True, False, False, False)
    """
    return abs(x) <= _FARTHEST and (y == 0 or _SMALLEST <= abs(y) <= _LARGEST)


class Series:
    """Points of a curve; of very many, neighbours are put together.

    Attributes
    ----------
    x, y
        Where each point stands, and the mean of the values in it.
    low, high
        The smallest and the largest of these values.
    """

    def __init__(self) -> None:
        self.x: list[float] = []
        self.y: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self._each = 1
        self._taken = 0

    def add(self, x: float, y: float) -> None:
        """Take a point, unless it is none that can be drawn."""
        if not drawable(x, y):
            return
        if self._taken % self._each:
            rest = self._taken % self._each
            self.y[-1] += (y - self.y[-1]) / (rest + 1)
            self.low[-1] = min(self.low[-1], y)
            self.high[-1] = max(self.high[-1], y)
        else:
            if len(self.x) == _MOST:
                self._halve()
            self.x.append(x)
            self.y.append(y)
            self.low.append(y)
            self.high.append(y)
        self._taken += 1

    def _halve(self) -> None:
        self._each *= 2
        self.x = self.x[::2]
        self.y = [(one + other) / 2 for one, other in zip(self.y[::2], self.y[1::2], strict=True)]
        self.low = [min(pair) for pair in zip(self.low[::2], self.low[1::2], strict=True)]
        self.high = [max(pair) for pair in zip(self.high[::2], self.high[1::2], strict=True)]


class RunSeries:
    """The curves of one run.

    Attributes
    ----------
    rates
        By the name that the legend gives them.
    step, collect
        Shares of the time, from 0 to 1: stepping, and the whole rollout. The rest is learning.
    reward
        The mean of recent episodes, or the best so far.
    announced
        Whether `reward` is the best so far.
    library
        Key of the library.
    axis
        What the horizontal axis counts.
    """

    def __init__(self) -> None:
        self.rates: dict[str, Series] = {}
        self.step, self.collect, self.reward = Series(), Series(), Series()
        self.announced = False
        self.library = ""
        self.axis = "iteration"
        self._at = 0.0

    def add(self, record: Record) -> None:
        """Take a record."""
        if record.kind in ("iteration", "progress"):
            self._place(record)
            self._rates(record)
            self._shares(record)
            if record.reward is not None:
                self.reward.add(self._at, record.reward)
        elif record.kind == "best_reward" and record.reward is not None:
            self.announced = True
            self.reward.add(self._at, record.reward)

    def _place(self, record: Record) -> None:
        self.library = record.library or self.library
        if record.iteration is not None:
            self._at = record.iteration
            self.axis = "iteration" if record.kind == "iteration" else "vector steps"
        elif record.env_steps is not None:
            self._at = record.env_steps
            self.axis = "environment steps"

    def _rates(self, record: Record) -> None:
        for scope in ("step", "rollout", "total", "cumulative"):
            self._rate(scope, getattr(record.fps, scope))
            if record.derived:
                self._rate(f"{scope}, derived", record.derived.get(f"fps.{scope}"))
        if record.kind == "progress" and record.library == "skrl":
            seconds = record.metrics.get("s/it")
            self._rate("bar", 1 / seconds if seconds else record.metrics.get("it/s"))

    def _rate(self, name: str, value: float | None) -> None:
        if value is not None and value > 0:
            self.rates.setdefault(name, Series()).add(self._at, value)

    def _shares(self, record: Record) -> None:
        fps, seconds = record.fps, record.seconds
        if fps.step and fps.rollout and fps.total and fps.step >= fps.rollout >= fps.total > 0:
            self.step.add(self._at, fps.total / fps.step)
            self.collect.add(self._at, fps.total / fps.rollout)
        elif (
            seconds.collect is not None and seconds.learn is not None and seconds.collect + seconds.learn > 0
        ):
            self.collect.add(self._at, seconds.collect / (seconds.collect + seconds.learn))
