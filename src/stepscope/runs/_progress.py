"""Progress of a run: what is counted, from where, and to where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stepscope.logs import BY_KEY, goal
from stepscope.runs._messages import Place

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["Position", "ProgressTracker"]

_GOALS = ("max frames", "max steps")


class Position(NamedTuple):
    """Counts that are done and planned; None where the end was not printed."""

    done: int
    planned: int | None
    unit: str


class ProgressTracker:
    """Follows the counts of a run.

    Attributes
    ----------
    unit
        What is counted: ``iteration``, ``vector step`` or, if only a bar of Stable-Baselines3 was printed, ``env step``.
    begin, latest
        The first and the last count that was printed.
    planned, planned_env_steps
        How many there will be, and how many environment steps.
    env_steps, env_steps_corrected
        Environment steps, as printed and as corrected.
    env_steps_per_iteration
        Environment steps from one iteration to the next, if they are always as many.
    """

    def __init__(self) -> None:
        self.unit = "iteration"
        self.begin: int | None = None
        self.latest: int | None = None
        self.planned: int | None = None
        self.planned_env_steps: int | None = None
        self.env_steps: int | None = None
        self.env_steps_corrected: int | None = None
        self.env_steps_per_iteration: int | None = None
        self._offset = 0
        self._iterations = False
        self._uniform = True

    @property
    def done(self) -> int | None:
        """Counts that are done, from one even where a library counts from zero."""
        return None if self.latest is None else self.latest + self._offset

    @property
    def total_env_steps(self) -> int | None:
        """Environment steps, corrected where the printed count lags."""
        return self.env_steps if self.env_steps_corrected is None else self.env_steps_corrected

    @property
    def position(self) -> Position | None:
        """The count and its end, or environment steps and theirs: whichever end is nearer."""
        positions = []
        if self.done is not None:
            positions.append(Position(self.done, self.planned, self.unit))
        if (steps := self.total_env_steps) is not None:
            positions.append(Position(steps, self.planned_env_steps, "env step"))
        return max(
            positions,
            key=lambda position: position.done / position.planned if position.planned else -1.0,
            default=None,
        )

    @property
    def has_end(self) -> bool:
        """Whether it was printed how far the run is to go."""
        return self.planned is not None or self.planned_env_steps is not None

    @property
    def complete(self) -> bool:
        """Whether all that was planned is done."""
        position = self.position
        return position is not None and position.planned is not None and position.done >= position.planned

    def add_iteration(self, record: Record) -> None:
        """Take the counts of an iteration."""
        if not self._iterations:
            # What a bar counted until now were environment steps.
            self._iterations, self.unit = True, "iteration"
            self.begin = self.latest = self.planned = None
            self._offset = 0 if record.library is None else 1 - BY_KEY[record.library].first_iteration
        if record.iteration is not None:
            self._count(record.iteration, record.iterations)
        steps, previous = record.env_steps, self.env_steps
        if steps is not None:
            if previous is not None and steps > previous:
                added = steps - previous
                self._uniform = self._uniform and self.env_steps_per_iteration in (None, added)
                self.env_steps_per_iteration = added if self._uniform else None
            self.env_steps = steps
        if record.derived and (corrected := record.derived.get("env_steps")) is not None:
            self.env_steps_corrected = int(corrected)
        self._set_goal(record)

    def add_progress(self, record: Record) -> None:
        """Take the counts of a bar: skrl's is about vector steps, that of Stable-Baselines3 about environment steps."""
        if record.env_steps is not None:
            self.env_steps = record.env_steps
        self._set_goal(record)
        if self._iterations:
            return
        if record.iteration is not None:
            self.unit = "vector step"
            self._count(record.iteration, record.iterations)
        elif record.env_steps is not None:
            self.unit = "env step"
            self._count(record.env_steps, self.planned_env_steps)

    def locate(self, record: Record) -> Place:
        """Return where `record` stands."""
        return Place(byte=record.span[0], after=self.latest, planned=self.planned, unit=self.unit)

    def _set_goal(self, record: Record) -> None:
        for name in _GOALS:
            value = record.metrics.get(name)
            if value is not None and (steps := goal(value)) is not None:
                self.planned_env_steps = steps

    def _count(self, count: int, planned: int | None) -> None:
        if self.begin is None:
            self.begin = count
        self.latest = count
        if planned is not None:
            self.planned = planned
