"""The counters of an iteration, which the next is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = ["Counters", "counters_of"]


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
