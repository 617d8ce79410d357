"""What a view shows of a run at one moment, as values: the view only lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepscope.runs import Failure, TimeShares

__all__ = ["Phase", "Progress", "Quantity", "RateShown", "Shown", "Warned"]

Phase = Literal["waiting", "reading", "starting", "running", "silent", "finished", "failed", "ended"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, planned
        How many are done, and how many there will be, where that was printed.
    unit
        What they count: ``iteration``, ``vector step`` or ``env step``.
    env_steps
        Environment steps so far, corrected where the printed count lags.
    left
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
    left: float | None = None
    pace: float | None = None
    elapsed: float | None = None

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1."""
        return min(1.0, self.done / self.planned) if self.planned else None


@dataclass(frozen=True, kw_only=True, slots=True)
class RateShown:
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
    trail
        The latest values.
    """

    scope: str
    value: float
    unit: str
    derived: bool = False
    trail: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A mean over recent episodes, or the best of them.

    Attributes
    ----------
    name
        What it is.
    last
        The latest value.
    most
        The largest value and where it was, as far as that is known; empty if there is only one value.
    trail
        How it went over the whole run.
    """

    name: str
    last: float
    most: tuple[str, ...] = ()
    trail: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Warned:
    """Messages of one wording.

    Attributes
    ----------
    text
        What they say.
    count
        How many there are.
    age
        Seconds since their number last grew; None if that was before we looked.
    sign
        Whether it is an early sign of failure.
    """

    text: str
    count: int
    age: float | None = None
    sign: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """All that a view shows.

    Attributes
    ----------
    name
        What is watched: a path, a command.
    by
        The library, with the versions that print so, and what it runs in; empty while nothing tells.
    library
        Its key, which has a colour.
    phase, says
        What state the run is in, for the colour of it and in words.
    hint
        What the reader could do about that.
    notes
        What there is to say about the log itself.
    wall
        The time of day, in seconds since 1970.
    progress, rates, time, quantities, warnings, failure
        What there is of each.
    silent
        Sentences about what this library does not print.
    more_warnings
        Warnings beyond those in `warnings`.
    trace
        The first traceback as it was printed.
    latest
        The latest lines that were messages, the last one last.
    beat
        Changes whenever something was printed.
    """

    name: str
    by: str = ""
    library: str | None = None
    phase: Phase
    says: str
    hint: str = ""
    notes: tuple[str, ...] = ()
    wall: float = 0.0
    progress: Progress | None = None
    rates: tuple[RateShown, ...] = ()
    time: TimeShares | None = None
    quantities: tuple[Quantity, ...] = ()
    silent: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()
    more_warnings: int = 0
    failure: Failure | None = None
    trace: str = ""
    latest: tuple[str, ...] = ()
    beat: int = 0
