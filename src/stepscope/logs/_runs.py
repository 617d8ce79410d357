"""Which run a record belongs to, and what follows from it and the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from stepscope.logs._python import is_prompt
from stepscope.logs.libraries import BY_KEY, LIBRARIES

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = ["Counters", "RunBoundaries", "counters_of"]


class Counters(NamedTuple):
    """What the next iteration is compared with.

    Attributes
    ----------
    iteration, env_steps, fps, elapsed
        As printed; `fps` is the cumulative rate.
    strict
        Whether the same count again is a new run: a bar may be drawn twice.
    days
        How often a clock of 24 hours has begun again.
    """

    iteration: int | None
    env_steps: int | None
    fps: float | None
    elapsed: float | None
    strict: bool
    days: int = 0

    def restarts(self, before: Counters) -> bool:
        """Say whether this counts from the start again."""
        if self.iteration is not None and before.iteration is not None:
            return self.iteration < before.iteration or (self.strict and self.iteration == before.iteration)
        if self.env_steps is not None and before.env_steps is not None:
            return self.env_steps < before.env_steps
        return False

    def after(self, before: Counters | None) -> Counters:
        """Return this with the days of the one before, and one more if the clock began again."""
        if before is None or self.elapsed is None or before.elapsed is None:
            return self
        days = before.days + (self.elapsed < before.elapsed)
        return self._replace(days=days) if days else self


def counters_of(record: Record) -> Counters:
    """Return what the next iteration is compared with."""
    return Counters(
        record.iteration,
        record.env_steps,
        record.fps.cumulative,
        record.seconds.elapsed,
        record.kind == "iteration",
    )


_STARTS = tuple(start for library in LIBRARIES for start in library.run_starts)
_MOST_COUNTERS = 4096  # processes whose counts are followed; of more, those that were noted first begin anew


class RunBoundaries:
    """Tells runs apart.

    One begins with a library's first words after iterations, where a count starts again, or where somebody typed a
    command after iterations or a failure.
    """

    def __init__(self) -> None:
        self._run = 1
        self._worked = self._failed = False
        self._begin: float | None = 0.0  # when the run began, in seconds since the log did
        self._counters: dict[tuple[int | None, str | None, str], Counters] = {}

    def assign(self, record: Record) -> Record:
        """Return a record with the run that it belongs to, and with what is derived from it."""
        derived: dict[str, float] = {}
        if record.kind in ("iteration", "progress"):
            before, own = self._update(record)
            derived |= record.derived
            if "seconds.elapsed" in derived:  # since the log began
                self._begin = derived["seconds.elapsed"] if self._begin is None else self._begin
                derived["seconds.elapsed"] -= self._begin
            if record.kind == "iteration":
                derived |= {} if before is not None else {"cold": 1}
                if record.library is not None:
                    derived |= BY_KEY[record.library].derive(record, own, before)
        elif self._worked and record.kind == "message" and (record.text or "").startswith(_STARTS):
            self._restart()
        elif record.kind == "failure":
            # It ends no run: written to a file, standard error overtakes what Python still buffers.
            self._failed = True
        elif (self._worked or self._failed) and record.kind == "message" and is_prompt(record.text or ""):
            self._restart()
        if derived:
            return replace(record, run=self._run, derived=derived)
        return record if self._run == record.run else replace(record, run=self._run)

    def _update(self, record: Record) -> tuple[Counters | None, Counters]:
        """Return the counters of the record before, if it belongs to the same run, and those of this one."""
        key = (record.rank, record.library, record.kind)
        own = counters_of(record)
        before = self._counters.get(key)
        if before is not None and own.restarts(before):
            self._restart()
            before = None
        self._worked = True
        own = own.after(before)
        if key not in self._counters and len(self._counters) == _MOST_COUNTERS:
            del self._counters[next(iter(self._counters))]
        self._counters[key] = own
        return before, own

    def _restart(self) -> None:
        self._run += 1
        self._worked = self._failed = False
        self._begin = None
        self._counters.clear()
