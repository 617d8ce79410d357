"""The run at hand: its statistics, latest iterations, curves and pace, in memory that does not grow."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.downsampling import Downsampler
from stepscope._common.format import format_number
from stepscope._common.text import mask_numbers
from stepscope.logs import bar_rate
from stepscope.runs import Run
from stepscope.watch.eta import EtaEstimator
from stepscope.watch.view_model import Progress, Quantity, RateView, WarningView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record
    from stepscope.runs import MetricTrend, Rate, RunSummary, TimeShares

__all__ = ["RECENT", "LatestLines", "RecentIterations", "RunTracker"]

RECENT = 60
"""Iterations that count as recent."""

_LONG_AGO = 3600.0  # seconds
_LINES = 12
_LONGEST_LINE = 500


class RunTracker:
    """Takes the records of one run.

    Attributes
    ----------
    number
        Number of the run in its log.
    run
        Its statistics.
    recent
        Its latest iterations.
    traceback
        Its first traceback.
    resumed_after_failure
        Whether iterations followed that.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.run, self.recent = Run(number), RecentIterations()
        self.traceback = ""
        self.resumed_after_failure = False
        self._eta = EtaEstimator()
        self._reward, self._length, self._best = Downsampler(), Downsampler(), Downsampler()
        self._unit = ""
        self._env_steps: int | None = None
        self._warning_counts: dict[tuple[bool, int], tuple[int, float | None]] = {}

    def add(self, record: Record, *, arrived: float | None) -> None:
        """Take a record, and when it was read if that was just when it was printed."""
        self.run.add(record)
        if record.kind in ("iteration", "progress"):
            self._add_step(record, arrived)
        elif record.kind == "best_reward" and record.reward is not None:
            self._best.add(record.reward)
        elif record.kind == "failure":
            self.traceback = self.traceback or record.text or ""
            self.resumed_after_failure = False

    def _add_step(self, record: Record, arrived: float | None) -> None:
        self.resumed_after_failure = bool(self.traceback)
        self.recent.add(record)
        if record.reward is not None:
            self._reward.add(record.reward)
        if record.episode_length is not None:
            self._length.add(record.episode_length)
        seconds = self._iteration_seconds(record)
        if (position := self.run.progress.position) is None:
            return
        if position.unit != self._unit:
            self._unit, self._eta = position.unit, EtaEstimator()
        self._eta.add(position.done, arrived=arrived, seconds=seconds, elapsed=record.seconds.elapsed)

    def _iteration_seconds(self, record: Record) -> float | None:
        """Return how long an iteration took, as printed or as its rate says."""
        previous, self._env_steps = self._env_steps, record.env_steps
        seconds = record.seconds
        if seconds.iteration is not None:
            return seconds.iteration
        if seconds.collect is not None and seconds.learn is not None:
            return seconds.collect + seconds.learn
        rate = record.fps.total or record.derived.get("fps.total")
        if not rate or previous is None or record.env_steps is None:
            return None
        return (record.env_steps - previous) / rate

    @property
    def pace(self) -> float | None:
        """Seconds that one iteration takes, or one of what is counted."""
        return self._eta.pace()

    def progress(self, *, now: float | None, elapsed: float | None) -> Progress | None:
        """Return the progress; without a time there is no end to wait for."""
        counts = self.run.progress
        if (position := counts.position) is None:
            return None
        done, planned, unit = position
        eta = None if now is None or planned is None else self._eta.eta(planned - done, now=now)
        return Progress(
            done=done,
            planned=planned,
            unit=unit,
            env_steps=None if unit == "env step" else counts.total_env_steps,
            eta=eta,
            pace=None if unit != "iteration" else self.pace,
            elapsed=elapsed,
        )

    def quantities(self, summary: RunSummary) -> tuple[Quantity, ...]:
        """Return rewards and lengths; of a library that announces a best reward only, that."""
        reward = _quantity("reward", summary.reward, self._reward, summary.unit)
        best = _quantity("best reward", summary.best_reward, self._best, summary.unit)
        length = _quantity("episode length", summary.episode_length, self._length, summary.unit)
        return tuple(quantity for quantity in (reward or best, length) if quantity is not None)

    def warnings(self, summary: RunSummary, *, now: float, live: bool) -> tuple[WarningView, ...]:
        """Return the warnings: early ones first, then those that came last.

        A kind of warning is as old as the call that first saw its number grow to what it is, if that was `live`.
        """
        views = []
        for early, clusters in ((True, summary.early_warnings), (False, summary.warnings)):
            for index, cluster in enumerate(clusters):
                count, at = self._warning_counts.get((early, index), (0, None))
                if cluster.count != count:
                    at = now if live else None
                    self._warning_counts[early, index] = cluster.count, at
                views.append(
                    WarningView(
                        text=printable(cluster.text),
                        template=cluster.template,
                        count=cluster.count,
                        age=None if at is None else max(0.0, now - at),
                        early=early,
                    )
                )
        return tuple(sorted(views, key=_by_urgency))


def _quantity(name: str, trend: MetricTrend | None, curve: Downsampler, unit: str) -> Quantity | None:
    if trend is None:
        return None
    maximum: tuple[str, ...] = ()
    if trend.best is not None and trend.count > 1:
        at = () if trend.best_at is None else (f"at {unit} {trend.best_at:,}",)
        maximum = at if name == "best reward" else (f"max {format_number(trend.best)}", *at)
    return Quantity(name=name, last=trend.last, maximum=maximum, history=tuple(curve.y))


def _by_urgency(warning: WarningView) -> tuple[bool, int, int]:
    age = _LONG_AGO if warning.age is None else min(warning.age, _LONG_AGO)
    return not warning.early, round(age / 10), -warning.count


class RecentIterations:
    """The latest iterations and progress updates of a run: a median over hours would hide a change."""

    def __init__(self) -> None:
        self._iterations: deque[Record] = deque(maxlen=RECENT)
        self._updates: deque[Record] = deque(maxlen=RECENT)

    def add(self, record: Record) -> None:
        """Take an iteration or a progress update."""
        (self._iterations if record.kind == "iteration" else self._updates).append(record)

    def summarise(self) -> tuple[tuple[RateView, ...], TimeShares | None]:
        """Return the rates by scope, and the shares of time."""
        run = Run(1)
        for record in (*self._iterations, *self._updates):
            run.add(record)
        summary = run.summary()
        rates = (rate for rate in summary.rates if rate.scope != "cumulative" or not rate.derived)
        return tuple(self._view(rate) for rate in rates), summary.time

    def _view(self, rate: Rate) -> RateView:
        return RateView(
            scope=rate.scope,
            value=rate.typical,
            unit=rate.unit,
            derived=rate.derived,
            history=tuple(value for value in self._values(rate) if value is not None),
        )

    def _values(self, rate: Rate) -> Iterator[float | None]:
        if rate.scope == "bar":
            return (bar_rate(record) for record in list(self._updates)[1:])
        return (
            record.derived.get(f"fps.{rate.scope}") if rate.derived else getattr(record.fps, rate.scope)
            for record in self._iterations
        )


class LatestLines:
    """Keeps the latest lines that differ in more than their numbers; one that comes again goes to the end."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, float]] = {}

    def add(self, text: str, *, at: float) -> None:
        """Take a message that was read at a time; its first line with a letter counts."""
        line = next((line for line in text[:_LONGEST_LINE].splitlines() if any(map(str.isalpha, line))), "")
        if not (line := printable(line)):
            return
        template = mask_numbers(line)
        self._lines.pop(template, None)
        self._lines[template] = line, at
        if len(self._lines) > _LINES:
            del self._lines[next(iter(self._lines))]

    def lines(self, *, since: float) -> tuple[str, ...]:
        """Return the lines that were read since a time, the last one last."""
        return tuple(line for line, at in self._lines.values() if at >= since)
