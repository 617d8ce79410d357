"""What the latest iterations come to: a change shows here that a median over hours would hide."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stepscope.runs import Run
from stepscope.watch.view_model import RateShown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepscope.logs import Record
    from stepscope.runs import Rate, TimeShares

__all__ = ["RECENT", "Recent"]

RECENT = 60
"""Iterations that count as recent."""


class Recent:
    """The latest iterations and progress updates of a run."""

    def __init__(self) -> None:
        self._iterations: deque[Record] = deque(maxlen=RECENT)
        self._updates: deque[Record] = deque(maxlen=RECENT)

    def add(self, record: Record) -> None:
        """Take an iteration or a progress update."""
        (self._iterations if record.kind == "iteration" else self._updates).append(record)

    def summed_up(self) -> tuple[tuple[RateShown, ...], TimeShares | None]:
        """Return the rates by scope, and the shares of time."""
        run = Run(1)
        for record in (*self._iterations, *self._updates):
            run.add(record)
        summary = run.summary()
        rates = (rate for rate in summary.rates if rate.scope != "cumulative" or not rate.derived)
        return tuple(self._shown(rate) for rate in rates), summary.time

    def _shown(self, rate: Rate) -> RateShown:
        return RateShown(
            scope=rate.scope,
            value=rate.typical,
            unit=rate.unit,
            derived=rate.derived,
            trail=tuple(self._values(rate)),
        )

    def _values(self, rate: Rate) -> Iterable[float]:
        if rate.scope == "bar":
            found = [
                record.metrics.get("it/s") or 1 / (record.metrics.get("s/it") or float("inf"))
                for record in self._updates
            ]
            return found[1:]
        values = (
            record.derived.get(f"fps.{rate.scope}") if rate.derived else getattr(record.fps, rate.scope)
            for record in self._iterations
        )
        return [value for value in values if value is not None]
