"""Values that a view shows of a run at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepscope.runs import Failure, TimeShares

__all__ = ["Phase", "Progress", "Quantity", "RateView", "ViewModel", "WarningView"]

Phase = Literal["waiting", "reading", "starting", "running", "silent", "finished", "failed", "ended"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Progress of a run.

    Attributes
    ----------
    done, planned
        How many are done, and how many there will be, where that was printed.
    unit
        What they count: ``iteration``, ``vector step`` or ``env step``.
    env_steps
        Environment steps so far, corrected where the printed count lags.
    eta
        Seconds until all are done, from how long the latest took.
    pace
        Seconds that one takes.
    elapsed
        Seconds since training began, or since the run was started from here.
    """

    done: int
    planned: int | None = None
    unit: str = "iteration"
    env_steps: int | None = None
    eta: float | None = None
    pace: float | None = None
    elapsed: float | None = None

    @property
    def share(self) -> float | None:
        """Share that is done, from 0 to 1."""
        return min(1.0, self.done / self.planned) if self.planned else None


@dataclass(frozen=True, kw_only=True, slots=True)
class RateView:
    """A rate of one scope.

    Attributes
    ----------
    scope
        The scope, or ``bar`` for the rate in a progress bar, which has none.
    value
        Median over the latest iterations; of ``cumulative``, the latest value.
    unit
        ``env steps/s`` or ``vector steps/s``.
    derived
        Whether it was computed from what was printed.
    history
        The latest values.
    """

    scope: str
    value: float
    unit: str
    derived: bool = False
    history: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A mean over recent episodes, or the best of them.

    Attributes
    ----------
    name
        Its label.
    last
        The latest value.
    maximum
        The largest value and where it was, as far as that is known; empty if there is only one value.
    history
        Its course over the whole run.
    """

    name: str
    last: float
    maximum: tuple[str, ...] = ()
    history: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WarningView:
    """Messages that differ only in their numbers.

    Attributes
    ----------
    text
        The message, with ranges for numbers that changed.
    template
        The message without its numbers.
    count
        How many there are.
    age
        Seconds since their number last grew; None if that was before the watch began.
    early
        Whether it is an early warning of a failure.
    """

    text: str
    template: str = ""
    count: int
    age: float | None = None
    early: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewModel:
    """All that a view shows.

    Attributes
    ----------
    name
        Name of the log, or the command.
    library_label
        The library, with the versions that print so, and the simulators around it; empty while nothing tells.
    library
        Its key, which has a colour.
    phase, status
        The state of the run, for its colour and in words.
    hint
        What the reader could do about it.
    notes
        Messages about the log itself.
    wall
        The time of day, in seconds since 1970.
    progress, rates, time, quantities, warnings, failure
        None or empty where nothing was printed.
    not_printed
        Sentences about what this library does not print.
    more_warnings
        Warnings beyond those in `warnings`.
    traceback
        The first traceback as it was printed.
    latest
        The latest lines that were messages, the last one last.
    beat
        Changes whenever something was printed.
    """

    name: str
    library_label: str = ""
    library: str | None = None
    phase: Phase
    status: str
    hint: str = ""
    notes: tuple[str, ...] = ()
    wall: float = 0.0
    progress: Progress | None = None
    rates: tuple[RateView, ...] = ()
    time: TimeShares | None = None
    quantities: tuple[Quantity, ...] = ()
    not_printed: tuple[str, ...] = ()
    warnings: tuple[WarningView, ...] = ()
    more_warnings: int = 0
    failure: Failure | None = None
    traceback: str = ""
    latest: tuple[str, ...] = ()
    beat: int = 0
