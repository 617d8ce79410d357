"""How far a run is: what is counted, from where, and to where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs import goal
from stepscope.runs._messages import Place

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["Count"]

_FROM_ZERO = frozenset({"rsl_rl"})


class Count:
    """Follows the counts of a run.

    Attributes
    ----------
    unit
        What is counted: ``iteration``, ``vector step`` or, if only a bar of Stable-Baselines3 was printed, ``env step``.
    begin, latest
        The first and the last count that was printed.
    planned
        How many there will be.
    env_steps, corrected
        Environment steps, as printed and as corrected.
    each
        Environment steps from one iteration to the next, if they are always as many.
    """

    def __init__(self) -> None:
        self.unit = "iteration"
        self.begin: int | None = None
        self.latest: int | None = None
        self.planned: int | None = None
        self.env_steps: int | None = None
        self.corrected: int | None = None
        self.each: int | None = None
        self._offset = 0
        self._iterations = False
        self._same = True
        self._planned_env_steps: int | None = None

    @property
    def done(self) -> int | None:
        """How many are done, counted from one."""
        return None if self.latest is None else self.latest + self._offset

    @property
    def has_end(self) -> bool:
        """Whether it was printed how far the run is to go."""
        return self.planned is not None or self._planned_env_steps is not None

    @property
    def complete(self) -> bool:
        """Whether all that was planned is done."""
        if self.planned is not None and self.done is not None:
            return self.done >= self.planned
        return self._planned_env_steps is not None and (self.env_steps or 0) >= self._planned_env_steps

    def iteration(self, record: Record) -> None:
        """Take the counts of an iteration."""
        if not self._iterations:
            # What a bar counted until now were environment steps.
            self._iterations, self.unit = True, "iteration"
            self.begin = self.latest = self.planned = None
            self._offset = record.library in _FROM_ZERO
        if record.iteration is not None:
            self._take(record.iteration, record.iterations)
        if record.env_steps is not None:
            self._step(record.env_steps)
        corrected = record.derived.get("env_steps") if record.derived else None
        if corrected is not None:
            self.corrected = int(corrected)

    def progress(self, record: Record) -> None:
        """Take the counts of a bar: skrl's is about vector steps, that of Stable-Baselines3 about environment steps."""
        if record.env_steps is not None:
            self.env_steps = record.env_steps
        if "max steps" in record.metrics:
            self._planned_env_steps = goal(record.metrics["max steps"])
        if self._iterations:
            return
        if record.iteration is not None:
            self.unit = "vector step"
            self._take(record.iteration, record.iterations)
        elif record.env_steps is not None:
            self.unit = "env step"
            self._take(record.env_steps, self._planned_env_steps)

    def place(self, record: Record) -> Place:
        """Return where `record` stands."""
        return Place(byte=record.span[0], after=self.latest, planned=self.planned, unit=self.unit)

    def _step(self, env_steps: int) -> None:
        if self.env_steps is not None and env_steps > self.env_steps:
            each = env_steps - self.env_steps
            self._same = self._same and self.each in (None, each)
            self.each = each if self._same else None
        self.env_steps = env_steps

    def _take(self, count: int, planned: int | None) -> None:
        if self.begin is None:
            self.begin = count
        self.latest = count
        if planned is not None:
            self.planned = planned
