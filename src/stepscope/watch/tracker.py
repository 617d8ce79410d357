"""What is kept of the run at hand, in memory that does not grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.format import format_number
from stepscope.logs import goal
from stepscope.runs import TRAINING, Count, Courses, Run
from stepscope.watch.eta import Pace
from stepscope.watch.recent import Recent
from stepscope.watch.trail import Trail
from stepscope.watch.view_model import Progress, Quantity, Warned

if TYPE_CHECKING:
    from stepscope.logs import Record
    from stepscope.runs import RunSummary

__all__ = ["OneRun"]

_SUMMARY_EVERY = 0.25  # seconds; of a long run they are more, since to sum it up takes longer
_LARGE, _MOST = 1 << 13, 1 << 16  # iterations; beyond the second number it takes no longer
_GOALS = ("max frames", "max steps")
_BEST = "best reward"
_LONG_AGO = 3600.0


class _Measured:
    """One quantity over a run: where it stands, and how it went."""

    def __init__(self) -> None:
        self._courses, self._trail = Courses(), Trail()

    def add(self, value: float | None, at: int | None) -> None:
        if value is not None:
            self._courses.add(value, at)
            self._trail.add(value)

    def shown(self, name: str, unit: str) -> Quantity | None:
        course = self._courses.course()
        if course is None:
            return None
        most: tuple[str, ...] = ()
        if course.best is not None and course.count > 1:
            at = () if course.best_at is None else (f"at {unit} {course.best_at:,}",)
            most = at if name == _BEST else (f"most {format_number(course.best)}", *at)
        return Quantity(name=name, last=course.last, most=most, trail=self._trail.points())


class OneRun:
    """Takes the records of one run.

    Attributes
    ----------
    number
        Which run of the log it is.
    whole
        All of it, summed up.
    recent
        Its latest iterations.
    library
        The latest training library that printed into it.
    trace
        Its first traceback.
    went_on
        Whether there were iterations after that.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.whole, self.recent = Run(number), Recent()
        self.library: str | None = None
        self.trace = ""
        self.went_on = False
        self._count, self._pace = Count(), Pace()
        self._reward, self._length, self._best = _Measured(), _Measured(), _Measured()
        self._goal: int | None = None
        self._unit = ""
        self._env_steps: int | None = None
        self._summary: RunSummary | None = None
        self._summed_at = 0.0
        self._grew = False
        self._grown: dict[tuple[bool, int], tuple[int, float | None]] = {}

    def add(self, record: Record, *, arrived: float | None) -> None:
        """Take a record, and when it was read if that was just when it was printed."""
        self.whole.add(record)
        self._grew = True
        if record.library in TRAINING:
            self.library = record.library
        if record.kind in ("iteration", "progress"):
            self._step(record, arrived)
        elif record.kind == "best_reward":
            self._best.add(record.reward, self._count.latest)
        elif record.kind == "failure":
            self.trace = self.trace or record.text or ""
            self.went_on, self._summary = False, None

    def _step(self, record: Record, arrived: float | None) -> None:
        self.went_on = bool(self.trace)
        self.recent.add(record)
        (self._count.iteration if record.kind == "iteration" else self._count.progress)(record)
        goals = (goal(record.metrics.get(name)) for name in _GOALS)
        self._goal = next((steps for steps in goals if steps is not None), self._goal)
        self._reward.add(record.reward, record.iteration)
        self._length.add(record.episode_length, record.iteration)
        seconds = self._seconds(record)
        if (position := self._position()) is None:
            return
        done, _, unit = position
        if unit != self._unit:
            self._unit, self._pace = unit, Pace()
        self._pace.add(done, arrived=arrived, seconds=seconds, elapsed=record.seconds.elapsed)

    def _seconds(self, record: Record) -> float | None:
        """Return how long an iteration took, as printed or as its rate says."""
        before, self._env_steps = self._env_steps, record.env_steps
        seconds = record.seconds
        if seconds.iteration is not None:
            return seconds.iteration
        if seconds.collect is not None and seconds.learn is not None:
            return seconds.collect + seconds.learn
        rate = record.fps.total or record.derived.get("fps.total")
        if not rate or before is None or record.env_steps is None:
            return None
        return (record.env_steps - before) / rate

    def _position(self) -> tuple[int, int | None, str] | None:
        """Return how many of how many are done, and what they are; of two ends, the one that comes first."""
        count = self._count
        steps = count.env_steps if count.corrected is None else count.corrected
        found: list[tuple[int, int | None, str]] = []
        if count.done is not None:
            found.append((count.done, count.planned, count.unit))
        if steps is not None:
            found.append((steps, self._goal, "env step"))
        return max(found, key=lambda each: each[0] / each[1] if each[1] else -1.0, default=None)

    @property
    def pace(self) -> float | None:
        """Seconds that one iteration takes, or one of what is counted."""
        return self._pace.seconds()

    @property
    def begun(self) -> bool:
        """Whether anything was reported yet."""
        return self._position() is not None

    @property
    def complete(self) -> bool:
        """Whether all that was planned is done, whatever happened in between."""
        position = self._position()
        return position is not None and position[1] is not None and position[0] >= position[1]

    def progress(self, *, now: float | None, elapsed: float | None) -> Progress | None:
        """Return how far it is; without a time there is nothing left to wait for."""
        if (position := self._position()) is None:
            return None
        done, planned, unit = position
        left = None
        if now is not None and planned is not None:
            left = self._pace.left(planned - done, now=now)
        count = self._count
        steps = count.env_steps if count.corrected is None else count.corrected
        return Progress(
            done=done,
            planned=planned,
            unit=unit,
            env_steps=None if unit == "env step" else steps,
            left=left,
            pace=None if unit != "iteration" else self.pace,
            elapsed=elapsed,
        )

    def quantities(self) -> tuple[Quantity, ...]:
        """Return rewards and lengths; a library that announces a best reward only gives that."""
        unit = self._count.unit
        reward = self._reward.shown("reward", unit) or self._best.shown(_BEST, unit)
        found = (reward, self._length.shown("episode length", unit))
        return tuple(quantity for quantity in found if quantity is not None)

    def summary(self, now: float, *, live: bool, fresh: bool = False) -> RunSummary:
        """Return what the run comes to, from a little while ago if it is long and nobody wants it `fresh`."""
        size = min(_MOST, self.whole.kinds.get("iteration", 0))
        every = _SUMMARY_EVERY * (1 + size // _LARGE)
        if self._summary is None or (self._grew and (fresh or now >= self._summed_at + every)):
            self._summary, self._summed_at, self._grew = self.whole.summary(), now, False
            self._notice(self._summary, now if live else None)
        return self._summary

    def _notice(self, summary: RunSummary, now: float | None) -> None:
        """Remember when each kind of warning last came."""
        for sign, groups in ((True, summary.signs), (False, summary.warnings)):
            for index, group in enumerate(groups):
                if self._grown.get((sign, index), (0, None))[0] != group.count:
                    self._grown[sign, index] = group.count, now

    def warned(self, summary: RunSummary, now: float) -> tuple[Warned, ...]:
        """Return the warnings: signs of failure first, then those that came last."""
        found = []
        for sign, groups in ((True, summary.signs), (False, summary.warnings)):
            for index, group in enumerate(groups):
                at = self._grown.get((sign, index), (0, None))[1]
                age = None if at is None else max(0.0, now - at)
                found.append(Warned(text=printable(group.text), count=group.count, age=age, sign=sign))
        return tuple(sorted(found, key=_by_urgency))


def _by_urgency(warned: Warned) -> tuple[bool, int, int]:
    age = _LONG_AGO if warned.age is None else min(warned.age, _LONG_AGO)
    return not warned.sign, round(age / 10), -warned.count
