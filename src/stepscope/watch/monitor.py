"""The state of a run, from its records; no clock is read here, the time is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stepscope._common import printable
from stepscope._common.format import format_duration
from stepscope.logs import BY_KEY
from stepscope.runs import Summary, library_label, report
from stepscope.watch.tracker import LatestLines, RunTracker
from stepscope.watch.view_model import ViewModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.logs import Record
    from stepscope.runs import RunSummary, TimeShares
    from stepscope.watch.view_model import Phase

__all__ = ["Monitor"]

_QUIET = 15.0  # seconds without a line that nobody wonders about
_QUIET_AT_START = 60.0
_PACES = 4  # iterations that may pass without a line
_LONG = 3600.0  # after that, it is not a buffer that holds lines back
_STALE = 60.0  # seconds after which a message is old news, once there are iterations
_HINT = "lines may wait in a buffer: set PYTHONUNBUFFERED=1 for the run"
_MESSAGES = ("message", "unrecognised", "checkpoint", "best_reward")
_ENDS = {
    "failed": "failed",
    "interrupted": "was interrupted",
    "finished": "finished",
    "unfinished": "did not end",
    "unknown": "is over",
}


class _End(NamedTuple):
    phase: Phase | None
    status: str
    hint: str
    at: float


class Monitor:
    """Takes records and what is known of their source, and returns what to show.

    Parameters
    ----------
    name
        Name of the log, or the command.
    started
        When the run was started, if that was done from here: its output then comes at once.
    piped
        Since when there is a pipe, if there is one.
    """

    def __init__(self, name: str, *, started: float | None = None, piped: float | None = None) -> None:
        self._name = printable(name)
        self._started, self._piped = started, piped
        self._tracker = RunTracker(1)
        self._unknown: Summary | None = Summary(self._name)  # until a library is known
        self._earlier = ""
        self._latest = LatestLines()
        self._output_at: float | None = None
        self._live = False
        self._beat = 0
        self._end: _End | None = None

    def note_output(self, *, at: float, live: bool) -> None:
        """Take note that something was printed at a time; `live` shows whether it was read just then."""
        self._output_at, self._live = at, live
        self._beat += live

    def add(self, record: Record) -> None:
        """Take the next record."""
        if self._unknown is not None:
            self._unknown.add(record)
            if record.library is not None:
                self._unknown = None
        if record.run > self._tracker.number:
            self._begin(record.run)
        self._tracker.add(record, arrived=self._output_at if self._live else None)
        if record.kind in _MESSAGES:
            self._latest.add(record.text or "", at=self._output_at or 0.0)

    def _begin(self, number: int) -> None:
        """Begin another run, and note how the one before ended."""
        previous = self._tracker.run.summary(rates=False)
        if previous.done is not None or previous.failure is not None:
            self._earlier = f"run {number} of this log; run {previous.run} {_ENDS[previous.outcome]}"
        self._tracker = RunTracker(number)

    def end(self, *, at: float, status: str = "", hint: str = "", phase: Phase | None = None) -> None:
        """Take note that nothing more will come, and how the run ended, where that is known."""
        self._end = _End(phase, status, hint, at)

    @property
    def failed(self) -> bool:
        """Whether there was a failure in the run at hand."""
        return self._tracker.run.failed

    @property
    def problem(self) -> str | None:
        """Why this is not the log of a training run; None if it is."""
        return None if self._unknown is None else self._unknown.problem()

    def snapshot(
        self, *, now: float, wall: float, notes: tuple[str, ...] = (), reading: float = 1
    ) -> ViewModel:
        """Return what to show.

        Parameters
        ----------
        now
            The time, on the clock that `note_output` was given.
        wall
            The time of day, in seconds since 1970.
        notes
            Messages about the log itself.
        reading
            How much of what the log already held was read, from 0 to 1.
        """
        tracker = self._tracker
        summary = tracker.run.summary(rates=False)
        rates, time = tracker.recent.summarise()
        phase, status, hint = self._phase(summary, now, reading)
        running = phase in ("running", "silent", "reading")
        quantities = tracker.quantities(summary)
        return ViewModel(
            name=self._name,
            library_label=printable(library_label(summary)) if summary.libraries or summary.runtimes else "",
            library=_library(summary),
            phase=phase,
            status=status,
            hint=hint,
            notes=(*notes, *filter(None, (self._earlier,))),
            progress=tracker.progress(now=now if running else None, elapsed=self._elapsed(summary, now)),
            wall=wall,
            rates=rates,
            time=time,
            quantities=quantities,
            not_printed=tuple(_not_printed(summary, time, reward=bool(quantities))),
            warnings=tracker.warnings(summary, now=now, live=self._live),
            more_warnings=summary.more_warnings,
            failure=summary.failure,
            traceback=tracker.traceback,
            latest=self._latest.lines(since=now - _STALE if self._begun else float("-inf")),
            beat=self._beat,
        )

    @property
    def _begun(self) -> bool:
        """Whether anything was reported yet."""
        return self._tracker.run.progress.position is not None

    def _elapsed(self, summary: RunSummary, now: float) -> float | None:
        if self._started is None:
            return summary.seconds
        return (now if self._end is None else self._end.at) - self._started

    def _phase(self, summary: RunSummary, now: float, reading: float) -> tuple[Phase, str, str]:
        """Return the phase, its description, and a hint."""
        if self._end is not None:
            phase = self._end.phase or _final_phase(summary)
            return phase, self._end.status or phase, self._end.hint
        if self._output_at is None and self._started is None:
            return self._waiting(now)
        if reading < 1:
            return "reading", f"reading, {reading:.0%}", ""
        quiet = now - (self._started or 0.0 if self._output_at is None else self._output_at)
        ago = f" {format_duration(quiet)} ago" if quiet >= _QUIET else ""
        if summary.failure is not None and not self._tracker.resumed_after_failure:
            return "failed", f"failed{ago}", ""
        if summary.outcome == "finished" or self._tracker.run.progress.complete:
            return "finished", f"finished{ago}", ""
        return self._running(_library(summary), quiet)

    def _waiting(self, now: float) -> tuple[Phase, str, str]:
        quiet = 0.0 if self._piped is None else now - self._piped
        if quiet < _QUIET:
            return "waiting", "waiting", ""
        return "waiting", f"waiting for {format_duration(quiet)}", _HINT

    def _running(self, library: str | None, quiet: float) -> tuple[Phase, str, str]:
        begun = self._begun
        limit = max(_QUIET, _PACES * (self._tracker.pace or 0)) if begun else _QUIET_AT_START
        if quiet < limit:
            return ("running", "running", "") if begun else ("starting", "starting", "")
        hint = (
            _HINT
            if self._started is None and (library is None or not BY_KEY[library].flushes) and quiet < _LONG
            else ""
        )
        return "silent", f"{'' if begun else 'starting, '}silent for {format_duration(quiet)}", hint


def _library(summary: RunSummary) -> str | None:
    return summary.libraries[-1][0] if summary.libraries else None


def _final_phase(summary: RunSummary) -> Phase:
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
