"""The curves in a figure of a run, in memory that does not grow with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.downsampling import Downsampler
from stepscope.logs import bar_rate
from stepscope.runs import SCOPES, time_shares

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["MOST_RUNS", "RunSeries", "drawable"]

MOST_RUNS = 12
"""Runs that one figure draws: more curves than that are a tangle."""

_LIMIT = 2048  # points of a curve: more than a figure has pixels
_FARTHEST = 2.0**53  # beyond, neighbours fall together
_LARGEST, _SMALLEST = (
    1e36,
    1e-36,
)  # axes overflow long before a float does; a float of 32 bits holds no more either


def drawable(x: float, y: float = 0.0) -> bool:
    """Return whether a point can be drawn.

    >>> drawable(1, 2.5), drawable(1, float("nan")), drawable(1, 1e308), drawable(2**60)
    (True, False, False, False)
    """
    return abs(x) <= _FARTHEST and (y == 0 or _SMALLEST <= abs(y) <= _LARGEST)


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
        self.rates: dict[str, Downsampler] = {}
        self.step, self.collect, self.reward = (Downsampler(limit=_LIMIT) for _ in range(3))
        self.announced = False
        self.library = ""
        self.axis = "iteration"
        self._x = 0.0

    def add(self, record: Record) -> None:
        """Take a record."""
        if record.kind in ("iteration", "progress"):
            self._set_x(record)
            self._add_rates(record)
            if (shares := time_shares(record)) is not None:
                self._add_point(self.step, shares.step)
                self._add_point(self.collect, shares.collect)
            self._add_point(self.reward, record.reward)
        elif record.kind == "best_reward" and record.reward is not None:
            self.announced = True
            self._add_point(self.reward, record.reward)

    def _set_x(self, record: Record) -> None:
        self.library = record.library or self.library
        if record.iteration is not None:
            self._x = record.iteration
            self.axis = "iteration" if record.kind == "iteration" else "vector steps"
        elif record.env_steps is not None:
            self._x = record.env_steps
            self.axis = "environment steps"

    def _add_rates(self, record: Record) -> None:
        for scope in SCOPES:
            self._add_rate(scope, getattr(record.fps, scope))
            if record.derived:
                self._add_rate(f"{scope}, derived", record.derived.get(f"fps.{scope}"))
        if record.kind == "progress" and record.library == "skrl":
            self._add_rate("bar", bar_rate(record))

    def _add_rate(self, name: str, value: float | None) -> None:
        if value is not None and value > 0:
            self._add_point(self.rates.setdefault(name, Downsampler(limit=_LIMIT)), value)

    def _add_point(self, curve: Downsampler, y: float | None) -> None:
        if y is not None and drawable(self._x, y):
            curve.add(y, self._x)
