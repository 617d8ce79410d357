"""Rates and shares of time over the iterations of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope.logs import bar_rate
from stepscope.runs._quantiles import QuantileSketch

if TYPE_CHECKING:
    from stepscope.logs import Record
    from stepscope.runs._quantiles import Quartiles

__all__ = [
    "SCOPES",
    "Rate",
    "RateTracker",
    "Scope",
    "TimeShares",
    "TimeTracker",
    "scope_label",
    "time_shares",
]

Scope = Literal["step", "rollout", "total", "cumulative", "bar"]

SCOPES: tuple[Literal["step", "rollout", "total", "cumulative"], ...] = (
    "step",
    "rollout",
    "total",
    "cumulative",
)
"""Scopes of a rate, the narrowest first."""


def scope_label(scope: str) -> str:
    """Return what a rate of this scope is called.

    >>> scope_label("total"), scope_label("bar")
    ('fps total', "bar's rate")
    """
    return "bar's rate" if scope == "bar" else f"fps {scope}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A rate of one scope over the iterations of a run.

    Attributes
    ----------
    scope
        One of the scopes of `Fps`; or ``bar``: what skrl's progress bar prints, which is smoothed and includes updates.
    unit
        ``env steps/s`` or ``vector steps/s``.
    derived
        Whether it was computed from what was printed and not printed itself.
    warm
        Quartiles of all values but that of the first iteration; None if there are no others.
    first
        The value of the first iteration, which is cold and so not typical; None if it has none.
    last
        The last value. Of ``cumulative``, it covers the whole run.
    """

    scope: Scope
    unit: str = "env steps/s"
    derived: bool = False
    warm: Quartiles | None
    first: float | None
    last: float

    @property
    def typical(self) -> float:
        """The number that stands for the run: its median without the first iteration, but of ``cumulative`` the last.

        Where there is one iteration alone, it is that one.
        """
        return self.last if self.scope == "cumulative" or self.warm is None else self.warm.median

    @property
    def quartiles(self) -> Quartiles | None:
        """Quartiles around `typical`; None where it is one value, as of ``cumulative``."""
        return None if self.scope == "cumulative" else self.warm


class _RateValues:
    """Values of one rate, that of the cold iteration kept apart."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.warm = QuantileSketch()

    def add(self, value: float, *, cold: bool) -> None:
        if cold:
            self.first = value
        else:
            self.warm.add(value)
        self.last = value

    def rate(
        self, scope: Scope, *, unit: str = "env steps/s", scale: float = 1, derived: bool = False
    ) -> Rate | None:
        if self.last is None:
            return None
        return Rate(
            scope=scope,
            unit=unit,
            derived=derived,
            warm=self.warm.quartiles(scale=scale),
            first=None if self.first is None else scale * self.first,
            last=scale * self.last,
        )


class RateTracker:
    """Takes the rates of each record of a run."""

    def __init__(self) -> None:
        self._printed = tuple(_RateValues() for _ in SCOPES)
        self._derived = {f"fps.{scope}": _RateValues() for scope in SCOPES}
        self._bar = _RateValues()
        self._num_envs: int | None = None
        self._cold = True
        self._time = 0.0
        self._iterations = 0

    def add_iteration(self, record: Record) -> None:
        """Take those of an iteration."""
        fps, cold = record.fps, self._cold
        self._cold = False
        step, rollout, total, cumulative = self._printed
        if fps.step is not None:
            step.add(fps.step, cold=cold)
        if fps.rollout is not None:
            rollout.add(fps.rollout, cold=cold)
        if fps.total:
            total.add(fps.total, cold=cold)
            self._time += 1 / fps.total
            self._iterations += 1
        if fps.cumulative is not None:
            cumulative.add(fps.cumulative, cold=cold)
        if record.derived:
            for name, values in self._derived.items():
                derived = record.derived.get(name)
                if derived is not None:
                    values.add(derived, cold=cold)

    def add_progress(self, record: Record) -> None:
        """Take that of skrl's bar."""
        if record.iteration is None:
            return
        if record.env_steps is not None and record.iteration:
            self._num_envs = record.env_steps // record.iteration
        if (rate := bar_rate(record)) is not None:
            self._bar.add(rate, cold=self._bar.last is None)

    def rates(self) -> tuple[Rate, ...]:
        """Return every rate, the narrowest scope first, what was printed before what was derived."""
        rates = [
            *(values.rate(scope) for scope, values in zip(SCOPES, self._printed, strict=True)),
            *(self._derived[f"fps.{scope}"].rate(scope, derived=True) for scope in SCOPES),
            self._overall(),
            self._bar.rate("bar", unit="vector steps/s"),
            None if self._num_envs is None else self._bar.rate("bar", scale=self._num_envs, derived=True),
        ]
        return tuple(rate for rate in rates if rate is not None)

    def _overall(self) -> Rate | None:
        """Return the rate over all iterations, which are as long as their rates say; the first counts too."""
        if not 0 < self._time < math.inf or self._printed[-1].last is not None:
            return None
        overall = self._iterations / self._time
        return Rate(scope="cumulative", derived=True, warm=None, first=overall, last=overall)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeShares:
    """Shares of the time of warm iterations, which add up to 1.

    Attributes
    ----------
    step, inference
        Stepping the environments, and the rest of the rollout; None where only their sum is printed.
    collect
        The rollout: both together.
    learn
        The update.
    """

    step: float | None = None
    inference: float | None = None
    collect: float
    learn: float

    def parts(self) -> list[tuple[str, float]]:
        """Return the shares that make up the whole, by name."""
        if self.step is None or self.inference is None:
            return [("rollout", self.collect), ("learning", self.learn)]
        return [("stepping", self.step), ("inference", self.inference), ("learning", self.learn)]


class TimeTracker:
    """Adds up times of iterations; the unit does not matter, since only shares are wanted."""

    def __init__(self) -> None:
        self._step: float | None = 0.0
        self._collect = self._learn = 0.0
        self._cold = True

    def add_iteration(self, record: Record) -> None:
        """Take the times of an iteration, unless it is the first."""
        if self._cold:
            self._cold = False
        elif (times := _times(record)) is not None:
            step, collect, learn = times
            self._step = None if self._step is None or step is None else self._step + step
            self._collect += collect
            self._learn += learn

    def shares(self) -> TimeShares | None:
        """Return the shares, where the log tells."""
        return _shares(self._step, self._collect, self._learn)


def time_shares(record: Record) -> TimeShares | None:
    """Return the shares of one iteration, where it tells."""
    times = _times(record)
    return None if times is None else _shares(*times)


def _times(record: Record) -> tuple[float | None, float, float] | None:
    """Return the times of stepping, of the rollout and of learning.

    RL-Games divides one number of steps by three times that contain each other, so that its rates tell seconds a step.
    """
    fps, seconds = record.fps, record.seconds
    step, collect, learn = None, seconds.collect, seconds.learn
    if fps.step is not None:
        if not (fps.step and fps.rollout and fps.total and fps.step >= fps.rollout >= fps.total > 0):
            return None
        step, collect, learn = 1 / fps.step, 1 / fps.rollout, 1 / fps.total - 1 / fps.rollout
    if collect is None or learn is None or not (collect >= 0 <= learn and collect + learn < math.inf):
        return None
    return step, collect, learn


def _shares(step: float | None, collect: float, learn: float) -> TimeShares | None:
    total = collect + learn
    if not 0 < total < math.inf:
        return None
    if step is None:
        return TimeShares(collect=collect / total, learn=learn / total)
    return TimeShares(
        step=step / total,
        inference=(collect - step) / total,
        collect=collect / total,
        learn=learn / total,
    )
