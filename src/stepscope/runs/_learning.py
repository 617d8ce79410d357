"""Reward of a run against seconds and against environment steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from stepscope._common.downsampling import Downsampler

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["LearningCurve", "LearningPoint"]

_LIMIT = 2048  # points of a curve: more than a figure has pixels
_ROUNDED = 1.0  # seconds: a library that prints whole seconds cuts off less than this
_INEXACT = 0.5  # seconds: a sum of rounded times may lag by less than this
_FARTHEST = 2.0**53  # beyond, neighbours fall together


class LearningPoint(NamedTuple):
    """A mean reward, and what it took to reach it.

    Attributes
    ----------
    seconds
        Time since the run began.
    env_steps
        Environment steps, in all environments together, as the library counts them.
    reward
        Mean return of recent episodes.
    """

    seconds: float
    env_steps: int
    reward: float


class LearningCurve:
    r"""Mean reward of a run against time and samples, in memory that does not grow with the log.

    Seconds cover training alone, from the first iteration on; the start of the simulator is left out:

    * RSL-RL: the sum of the collection and learning times of all iterations.
    * RL-Games: the sum over iterations of their environment steps divided by their ``fps total``.
    * Stable-Baselines3: ``total_timesteps`` divided by ``fps``, which is more precise than the whole seconds of
      ``time_elapsed``; where both differ by a second or more, because a run was resumed, it is ``time_elapsed``.
    * skrl prints no reward, so it has no curve.

    Parameters
    ----------
    until
        A mean reward to look for.

    Attributes
    ----------
    by_seconds, by_env_steps
        The mean reward against each. Where there are more than 2,048 values, neighbours are merged.
    reached
        The first point with a mean reward of at least `until`; None if there is none.
    first, last, best
        The first and the last point, and the one with the largest reward; None if there is no point.
    announced
        Whether the rewards are those that were announced as the best so far, as RL-Games prints them.

    Examples
    --------
    >>> from stepscope.logs import reads
    >>> curve = LearningCurve(until=20)
    >>> for record in reads(
    ...     "fps step: 9 fps step and policy inference: 8 fps total: 4 epoch: 1/2 frames: 0\n"
    ...     "saving next best rewards:  [21.5]\n"
    ...     "fps step: 9 fps step and policy inference: 8 fps total: 5 epoch: 2/2 frames: 8\n"
    ... ):
    ...     curve.add(record)
    >>> curve.reached
    LearningPoint(seconds=2.0, env_steps=8, reward=21.5)
    """

    def __init__(self, *, until: float | None = None) -> None:
        self.until = until
        self.by_seconds = Downsampler(limit=_LIMIT)
        self.by_env_steps = Downsampler(limit=_LIMIT)
        self.reached: LearningPoint | None = None
        self.first: LearningPoint | None = None
        self.last: LearningPoint | None = None
        self.best: LearningPoint | None = None
        self.announced = False
        self._rank: int | None = None
        self._seconds: float | None = None  # None where the log does not tell
        self._env_steps: int | None = None
        self._printed: int | None = None  # environment steps of the iteration before, as printed
        self._first_rate: float | None = (
            None  # of a first iteration whose number of steps the second one tells
        )
        self._waiting: list[float] = []  # rewards of that iteration

    def add(self, record: Record) -> None:
        """Take a record of the run."""
        if record.kind not in ("iteration", "best_reward"):
            return
        if record.rank is not None:
            self._rank = record.rank if self._rank is None else self._rank
            if record.rank != self._rank:
                return  # each process prints its own mean
        if record.kind == "iteration":
            self._add_iteration(record)
        else:
            self.announced = True
        if record.reward is not None:
            if self._first_rate is None:
                self._add_reward(record.reward)
            else:
                self._waiting.append(record.reward)

    def _add_iteration(self, record: Record) -> None:
        took, elapsed, rate = record.seconds, record.seconds.elapsed, record.fps.total
        corrected = record.derived.get("env_steps")
        steps = record.env_steps if corrected is None else int(corrected)
        if took.collect is not None and took.learn is not None:
            self._seconds = (self._seconds or 0.0) + took.collect + took.learn
        elif took.iteration is not None:
            self._seconds = (self._seconds or 0.0) + took.iteration
        elif record.fps.cumulative and steps is not None:
            self._seconds = steps / record.fps.cumulative
        elif elapsed is None and rate is not None:
            self._add_steps(record.env_steps, rate, lags=corrected is not None)
        if elapsed is not None:
            self._seconds = _reconcile(self._seconds or 0.0, elapsed)
        self._env_steps, self._printed = steps, record.env_steps

    def _add_steps(self, printed: int | None, rate: float, *, lags: bool) -> None:
        """Add the time of an iteration that prints its rate; the first one has as many steps as the second."""
        if printed is None:
            return
        if self._printed is None:
            self._first_rate = rate
            return
        steps = printed - self._printed
        if self._first_rate is not None:
            self._seconds = steps / self._first_rate if self._first_rate else None
            self._env_steps = self._printed + steps if lags else self._printed
            self._first_rate = None
            for reward in self._waiting:
                self._add_reward(reward)
        if self._seconds is not None:
            self._seconds = self._seconds + steps / rate if rate else None

    def _add_reward(self, reward: float) -> None:
        seconds, steps = self._seconds, self._env_steps
        if seconds is None or steps is None or not (0 <= seconds <= _FARTHEST and 0 <= steps <= _FARTHEST):
            return
        if math.isinf(reward):
            return  # RL-Games prints minus infinity until an episode has ended
        point = LearningPoint(seconds, steps, reward)
        self.by_seconds.add(reward, seconds)
        self.by_env_steps.add(reward, steps)
        self.first, self.last = self.first or point, point
        if not math.isnan(reward) and (self.best is None or reward > self.best.reward):
            self.best = point
        if self.until is not None and self.reached is None and reward >= self.until:
            self.reached = point


def _reconcile(seconds: float, elapsed: float) -> float:
    """Return seconds that agree with what is printed as elapsed; iterations may be missing from a log."""
    return elapsed if seconds < elapsed - _INEXACT else min(seconds, elapsed + _ROUNDED)
