"""Updates per sample over the iterations of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope._common.format import format_number, format_two_digits
from stepscope.logs import BY_KEY

if TYPE_CHECKING:
    from stepscope.logs import Record, UpdateCount

__all__ = ["UpdateTracker", "Updates"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Updates:
    """Updates of a run, where its library prints a count of them.

    Attributes
    ----------
    per_env_step
        Steps of the optimiser per environment step; None where the count is of passes.
    passes
        Passes over a rollout, a mean; None where the count is of steps of the optimiser.
    approximate
        Whether the environment steps went on between the update that was counted and the print: by less than a rollout
        at either end.
    """

    per_env_step: float | None = None
    passes: float | None = None
    approximate: bool = False

    def format(self) -> str:
        """Return the number that there is, as text; updates are those of 1,000 environment steps.

        >>> Updates(per_env_step=0.0125).format(), Updates(per_env_step=1.02, approximate=True).format()
        ('12.5', 'about 1,000')
        """
        if self.passes is not None:
            return format_number(self.passes)
        per_thousand = 1000 * (self.per_env_step or 0.0)
        return f"about {format_two_digits(per_thousand)}" if self.approximate else format_number(per_thousand)


class UpdateTracker:
    """Compares the first count of a run with its last one: a resumed training counts on from where it was."""

    def __init__(self) -> None:
        self._first: tuple[UpdateCount, Record] | None = None
        self._last: tuple[UpdateCount, Record] | None = None

    def add_iteration(self, record: Record) -> None:
        """Take the count of an iteration, if it has one."""
        library = None if record.library is None else BY_KEY[record.library]
        count = None if library is None else library.updates(record)
        if count is None:
            return
        if self._first is None or count.counts != self._first[0].counts:
            self._first = (count, record)
        self._last = (count, record)

    def updates(self) -> Updates | None:
        """Return the updates per environment step or per rollout; None where two counts do not tell."""
        if self._first is None or self._last is None:
            return None
        (first, before), (last, after) = self._first, self._last
        number = last.number - first.number
        if last.counts == "passes":
            rollouts = _difference(before.iteration, after.iteration)
            return None if rollouts is None or number < 0 else Updates(passes=number / rollouts)
        env_steps = _difference(before.env_steps, after.env_steps)
        if env_steps is None or number < 0:
            return None
        return Updates(per_env_step=number / env_steps, approximate=after.iteration is None)


def _difference(before: int | None, after: int | None) -> int | None:
    return after - before if before is not None and after is not None and after > before else None
