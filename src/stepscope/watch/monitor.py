"""What is shown of a run, worked out from its records; no clock is read here, the time is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stepscope._common import printable
from stepscope._common.format import format_duration
from stepscope.runs import Summary, library_label, report
from stepscope.watch.latest import Latest
from stepscope.watch.tracker import OneRun
from stepscope.watch.view_model import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record
    from stepscope.runs import RunSummary, TimeShares
    from stepscope.watch.view_model import Phase

__all__ = ["State"]

_QUIET = 15.0  # seconds without a line that nobody wonders about
_QUIET_AT_START = 60.0
_PACES = 4  # iterations that may pass without a line
_LONG = 3600.0  # after that, it is not a buffer that holds lines back
_STALE = 60.0  # seconds after which a message is no news, once there are iterations
_HINT = "lines may wait in a buffer: set PYTHONUNBUFFERED=1 for the run"
_BUFFERED = ("rl_games", "rsl_rl", None)  # the others flush what they print
_MESSAGES = ("message", "unrecognised", "checkpoint", "best_reward")


class _End(NamedTuple):
    phase: Phase | None
    says: str
    hint: str
    at: float


class State:
    """Takes records and what is known of their source, and says what to show.

    Parameters
    ----------
    name
        What is watched.
    started
        When the run was started, if that was done from here: its output then comes at once.
    piped
        Since when there is a pipe, if there is one.
    """

    def __init__(self, name: str, *, started: float | None = None, piped: float | None = None) -> None:
        self._name = printable(name)
        self._started, self._piped = started, piped
        self._run = OneRun(1)
        self._strange: Summary | None = Summary(self._name)
        self._earlier = ""
        self._latest = Latest()
        self._heard: float | None = None
        self._live = False
        self._beat = 0
        self._end: _End | None = None

    def heard(self, *, at: float, live: bool) -> None:
        """Take note that something was printed at a time; `live` says whether it was read just then."""
        self._heard, self._live = at, live
        self._beat += live

    def add(self, record: Record) -> None:
        """Take the next record."""
        if self._strange is not None:  # until a library is known
            self._strange.add(record)
            self._strange = None if record.library is not None else self._strange
        if record.run > self._run.number:
            self._begin(record.run)
        self._run.add(record, arrived=self._heard if self._live else None)
        if record.kind in _MESSAGES:
            self._latest.add(record.text or "", at=self._heard or 0.0)

    def _begin(self, number: int) -> None:
        """Begin another run, and keep a word about the one before."""
        before = self._run.whole.summary()
        if before.done is not None or before.failure is not None:
            self._earlier = f"run {number} of this log; run {self._run.number} {_ENDS[before.outcome]}"
        self._run = OneRun(number)

    def end(self, *, at: float, says: str = "", hint: str = "", phase: Phase | None = None) -> None:
        """Take note that nothing more will come, and how the run ended, where that is known."""
        self._end = _End(phase, says, hint, at)

    @property
    def failed(self) -> bool:
        """Whether there was a failure in the run at hand."""
        return self._run.whole.failed

    @property
    def problem(self) -> str | None:
        """Why this is not the log of a training run; None if it is."""
        return None if self._strange is None else self._strange.problem()

    def shown(
        self, *, now: float, wall: float, notes: tuple[str, ...] = (), reading: float = 1, last: bool = False
    ) -> Shown:
        """Return what to show.

        Parameters
        ----------
        now
            The time, on the clock that `heard` was given.
        wall
            The time of day, in seconds since 1970.
        notes
            What there is to say about the log itself.
        reading
            How much of what the log already held was read, from 0 to 1.
        last
            Whether this is the last time, so that nothing may be a little old.
        """
        run = self._run
        summary = run.summary(now, live=self._live, fresh=last)
        rates, time = run.recent.summed_up()
        phase, says, hint = self._phase(summary, now, reading)
        moving = phase in ("running", "silent", "reading")
        quantities = run.quantities()
        return Shown(
            name=self._name,
            by=printable(library_label(summary)) if summary.libraries or summary.around else "",
            library=run.library,
            phase=phase,
            says=says,
            hint=hint,
            notes=(*notes, *filter(None, (self._earlier,))),
            progress=run.progress(now=now if moving else None, elapsed=self._elapsed(summary, now)),
            wall=wall,
            rates=rates,
            time=time,
            quantities=quantities,
            silent=tuple(_not_printed(summary, time, reward=bool(quantities))),
            warnings=run.warned(summary, now),
            more_warnings=summary.more_warnings,
            failure=summary.failure,
            trace=run.trace,
            latest=self._latest.lines(since=now - _STALE if run.begun else float("-inf")),
            beat=self._beat,
        )

    def _elapsed(self, summary: RunSummary, now: float) -> float | None:
        if self._started is None:
            return summary.seconds
        return (now if self._end is None else self._end.at) - self._started

    def _phase(self, summary: RunSummary, now: float, reading: float) -> tuple[Phase, str, str]:
        """Return the phase, the words for it, and a hint."""
        if self._end is not None:
            phase = self._end.phase or _ended(summary)
            return phase, self._end.says or phase, self._end.hint
        if self._heard is None and self._started is None:
            return self._waiting(now)
        if reading < 1:
            return "reading", f"reading, {reading:.0%}", ""
        quiet = now - (self._started or 0.0 if self._heard is None else self._heard)
        ago = f" {format_duration(quiet)} ago" if quiet >= _QUIET else ""
        if summary.failure is not None and not self._run.went_on:
            return "failed", f"failed{ago}", ""
        if summary.outcome == "finished" or self._run.complete:
            return "finished", f"finished{ago}", ""
        return self._going(quiet)

    def _waiting(self, now: float) -> tuple[Phase, str, str]:
        quiet = 0.0 if self._piped is None else now - self._piped
        if quiet < _QUIET:
            return "waiting", "waiting", ""
        return "waiting", f"waiting for {format_duration(quiet)}", _HINT

    def _going(self, quiet: float) -> tuple[Phase, str, str]:
        begun, library = self._run.begun, self._run.library
        bound = max(_QUIET, _PACES * (self._run.pace or 0)) if begun else _QUIET_AT_START
        if quiet < bound:
            return ("running", "running", "") if begun else ("starting", "starting", "")
        hint = _HINT if self._started is None and library in _BUFFERED and quiet < _LONG else ""
        return "silent", f"{'' if begun else 'starting, '}silent for {format_duration(quiet)}", hint


_ENDS = {
    "failed": "failed",
    "interrupted": "was interrupted",
    "finished": "finished",
    "unfinished": "did not end",
    "unknown": "is over",
}


def _ended(summary: RunSummary) -> Phase:
    if summary.failure is not None:
        return "failed"
    return "finished" if summary.outcome == "finished" else "ended"


def _not_printed(summary: RunSummary, time: TimeShares | None, *, reward: bool) -> Iterator[str]:
    """Yield why there are no shares of time and no reward, where the library is known for it."""
    lines = {line.label: line.text for line in report(summary)} if summary.libraries else {}
    if summary.time is None and time is None and "time" in lines:
        yield f"time: {lines['time']}"
    if not reward and "reward" in lines:
        yield f"reward: {lines['reward']}"
