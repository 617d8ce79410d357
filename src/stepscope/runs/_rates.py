"""What a run's iterations come to: rates, shares of time, rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope.runs._quantiles import Values
from stepscope.runs._trends import Course, Courses

if TYPE_CHECKING:
    from stepscope.logs import Fps, Record
    from stepscope.runs._quantiles import Spread

__all__ = ["SCOPES", "Course", "Courses", "Rate", "Rates", "Scope", "TimeShares", "Times"]

Scope = Literal["step", "rollout", "total", "cumulative", "bar"]

SCOPES: tuple[Literal["step", "rollout", "total", "cumulative"], ...] = (
    "step",
    "rollout",
    "total",
    "cumulative",
)
"""Scopes of a rate, the narrowest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A rate of one scope over the iterations of a run.

    Attributes
    ----------
    scope
        One of the scopes of `Fps`; or ``bar``: what skrl's progress bar says, which is smoothed and has the updates in it.
    unit
        ``env steps/s`` or ``vector steps/s``.
    derived
        Whether it was computed from what was printed and not printed itself.
    warm
        Spread of all values but that of the first iteration; None if there are no others.
    first
        The value of the first iteration, which is cold and so not typical; None if it has none.
    last
        The last value. Of ``cumulative``, it covers the whole run.
    """

    scope: Scope
    unit: str = "env steps/s"
    derived: bool = False
    warm: Spread | None
    first: float | None
    last: float

    @property
    def typical(self) -> float:
        """The number that stands for the run: its median without the first iteration, but of ``cumulative`` the last.

        Where there is one iteration alone, it is that one.
        """
        return self.last if self.scope == "cumulative" or self.warm is None else self.warm.median

    @property
    def spread(self) -> Spread | None:
        """What `typical` is the median of; None where it is one value, as of ``cumulative``."""
        return None if self.scope == "cumulative" else self.warm


class _Series:
    """Values of one rate, that of the cold iteration kept apart."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.last: float | None = None
        self.warm = Values()

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
            warm=self.warm.spread(scale=scale),
            first=None if self.first is None else scale * self.first,
            last=scale * self.last,
        )


class Rates:
    """Takes the rates of each record of a run."""

    def __init__(self) -> None:
        self._printed = tuple(_Series() for _ in SCOPES)
        self._derived = {f"fps.{scope}": _Series() for scope in SCOPES}
        self._bar = _Series()
        self._num_envs: int | None = None
        self._seen = False
        self._time = 0.0
        self._iterations = 0

    def iteration(self, record: Record) -> None:
        """Take those of an iteration."""
        fps, cold = record.fps, not self._seen
        self._seen = True
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
            for name, series in self._derived.items():
                derived = record.derived.get(name)
                if derived is not None:
                    series.add(derived, cold=cold)

    def progress(self, record: Record) -> None:
        """Take what the bar of skrl says."""
        if record.iteration is None:
            return
        if record.env_steps is not None and record.iteration:
            self._num_envs = record.env_steps // record.iteration
        rate = record.metrics.get("it/s")
        seconds = record.metrics.get("s/it")
        if rate is None and seconds:
            rate = 1 / seconds
        if rate is not None:
            self._bar.add(rate, cold=self._bar.last is None)

    def rates(self) -> tuple[Rate, ...]:
        """Return every rate, the narrowest scope first, what was printed before what was derived."""
        found = [
            *(series.rate(scope) for scope, series in zip(SCOPES, self._printed, strict=True)),
            *(self._derived[f"fps.{scope}"].rate(scope, derived=True) for scope in SCOPES),
            self._overall(),
            self._bar.rate("bar", unit="vector steps/s"),
            None if self._num_envs is None else self._bar.rate("bar", scale=self._num_envs, derived=True),
        ]
        return tuple(rate for rate in found if rate is not None)

    def _overall(self) -> Rate | None:
        """Return the rate over all iterations, which are as long as their rates say; the first counts too."""
        if not 0 < self._time < math.inf or self._printed[-1].last is not None:
            return None
        overall = self._iterations / self._time
        return Rate(scope="cumulative", derived=True, warm=None, first=overall, last=overall)


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeShares:
    """Where the time of the warm iterations went; the shares add up to 1.

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


class Times:
    """Adds up times of iterations; the unit does not matter, since only shares are wanted."""

    def __init__(self) -> None:
        self._step = self._collect = self._learn = 0.0
        self._parted = True
        self._cold = True

    def iteration(self, record: Record) -> None:
        """Take the times of an iteration, unless it is the first."""
        fps, seconds = record.fps, record.seconds
        if fps.step is not None:
            times = _from_rates(fps)
        elif seconds.collect is not None and seconds.learn is not None:
            times = (0.0, seconds.collect, seconds.learn)
        else:
            return
        if self._cold:
            self._cold = False
        elif times is not None:
            step, collect, learn = times
            if collect >= 0 <= learn and step + collect + learn < math.inf:
                self._parted = self._parted and fps.step is not None
                self._step += step
                self._collect += collect
                self._learn += learn

    def shares(self) -> TimeShares | None:
        """Return the shares, where the log tells."""
        whole = self._collect + self._learn
        if not 0 < whole < math.inf:
            return None
        collect = self._collect / whole
        if not self._parted:
            return TimeShares(collect=collect, learn=self._learn / whole)
        step = self._step / whole
        return TimeShares(step=step, inference=collect - step, collect=collect, learn=self._learn / whole)


def _from_rates(fps: Fps) -> tuple[float, float, float] | None:
    """Return seconds an environment step: RL-Games divides one number of steps by three times that contain each other."""
    if not fps.step or not fps.rollout or not fps.total:
        return None
    if not fps.step >= fps.rollout >= fps.total > 0:
        return None
    return 1 / fps.step, 1 / fps.rollout, 1 / fps.total - 1 / fps.rollout
