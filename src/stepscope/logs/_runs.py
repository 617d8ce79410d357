"""Which run a record belongs to, and what follows from it and the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepscope.logs._derived import Mark, derive, mark
from stepscope.logs._records import put

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = ["Runs"]

# What the libraries print once, before they train.
_STARTS = (
    "self.seed = ",
    "global_rank = ",
    "Started to train",
    "Resolved observation sets:",
    "Actor Model: ",
    "Actor MLP: ",
    "[skrl:INFO] Seed: ",
    "[skrl:INFO] Environment wrapper: ",
    "Wrapping the env ",
    "Using cpu device",
    "Using cuda device",
    "[1/3] Launching simulation",
)

_MOST_MARKS = 4096  # processes whose counts are followed; of more, those that were noted first begin anew

Key = tuple[int | None, str | None, str]


@dataclass
class Runs:
    """Tells runs apart: one begins with a library's first words after iterations, or where a count starts again.

    Attributes
    ----------
    run
        Number of the run at hand.
    """

    run: int = 1
    _worked: bool = False
    _marks: dict[Key, Mark] = field(default_factory=dict)

    def complete(self, record: Record) -> Record:
        """Fill in the run of a record, and what is derived from it."""
        if record.kind in ("iteration", "progress"):
            key = (record.rank, record.library, record.kind)
            own = mark(record)
            before = self.advance(key, own)
            own = own.after(before)
            self.note(key, own)
            put(record, run=self.run)
            return (
                put(record, derived=_derived(record, own, before)) if record.kind == "iteration" else record
            )
        if self._worked and record.kind == "message" and (record.text or "").startswith(_STARTS):
            self._restart()
        # A failure ends no run: written to a file, standard error overtakes what Python still buffers.
        return put(record, run=self.run)

    def advance(self, key: Key, own: Mark) -> Mark | None:
        """Go on with a count, in a new run if it starts again, and return the mark before it in the same run."""
        before = self._marks.get(key)
        if before is not None and own.restarts(before):
            self._restart()
            before = None
        self._worked = True
        return before

    def before(self, key: Key) -> Mark | None:
        """Return the latest mark of a count."""
        return self._marks.get(key)

    def note(self, key: Key, own: Mark) -> None:
        """Keep the latest mark of a count."""
        if key not in self._marks and len(self._marks) == _MOST_MARKS:
            del self._marks[next(iter(self._marks))]
        self._marks[key] = own

    def _restart(self) -> None:
        self.run += 1
        self._worked = False
        self._marks.clear()


def _derived(record: Record, own: Mark, before: Mark | None) -> dict[str, float]:
    return derive(
        record.library,
        own,
        before,
        metrics=record.metrics,
        iterations=record.iterations,
        eta=record.seconds.eta,
    )
