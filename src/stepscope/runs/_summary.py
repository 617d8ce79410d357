"""Summary of a log, run by run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope._common.format import format_list
from stepscope.logs import LIBRARIES
from stepscope.runs._report import KIND_LABELS, report
from stepscope.runs._run import Run, RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs import Record

__all__ = ["MOST_RUNS", "RunSummary", "Summary"]

MOST_RUNS = 1000
"""Runs of one log that are told apart; those beyond are counted to the last."""

_LIVE = 4  # runs that may still go on: the lines of several processes do not come in order
# Of a line in UTF-16 the byte order mark remains as two bytes that could not be read, and of the zeros nothing.
_UTF_16 = re.compile("\N{REPLACEMENT CHARACTER}{2}(?!\N{REPLACEMENT CHARACTER})")


class Summary:
    """Sums up records as they go by; memory does not grow with their number.

    Medians are exact for the first 65,536 iterations of a run; beyond, they are good to 0.05 %.

    Examples
    --------
    >>> from stepscope.logs import reads
    >>> summary = Summary("a log")
    >>> for record in reads("fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0"):
    ...     _ = summary.add(record)
    >>> [run] = summary.runs()
    >>> run.done, run.planned, run.outcome
    (1, 2, 'unfinished')
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._size = 0
        self._finished: dict[int, RunSummary] = {}
        self._live: dict[int, Run] = {}
        self._first: Record | None = None
        self._libraries = False

    def add(self, record: Record) -> Run:
        """Take a record, and return the run that it belongs to."""
        if self._first is None:
            self._first = record
        self._size = record.span[1]
        if record.library is not None:
            self._libraries = True
        number = min(MOST_RUNS, record.run)
        run = self._live.get(number) or self._begin(number)
        run.add(record)
        return run

    def _begin(self, number: int) -> Run:
        """Begin a run, and keep only the summaries of those long over."""
        if number in self._finished:  # it cannot be taken up again
            return next(reversed(self._live.values()))
        if len(self._live) == _LIVE:
            oldest = next(iter(self._live))
            self._finished[oldest] = self._live.pop(oldest).summary()
        self._live[number] = Run(number)
        return self._live[number]

    def tee(self, records: Iterable[Record]) -> Iterator[Record]:
        """Take each record and pass it on."""
        for record in records:
            self.add(record)
            yield record

    def runs(self) -> tuple[RunSummary, ...]:
        """Return the summary of each run so far."""
        return (*self._finished.values(), *(run.summary() for run in self._live.values()))

    @property
    def failed(self) -> bool:
        """Whether there is a failure in any run."""
        return any(run.failure for run in self._finished.values()) or any(
            run.failed for run in self._live.values()
        )

    def sentences(self) -> Iterator[str]:
        """Yield the report of each run, as plain lines."""
        for run in self.runs():
            yield from (f"{line.label}: {line.text}" if line.label else line.text for line in report(run))

    def problem(self) -> str | None:
        """Return why this is not the log of a training run, or None if it is."""
        if not self._size:
            return f"{self.name} is empty; give the file that holds the console output of a run."
        if self._is_utf_16():
            return (
                f"{self.name} looks like UTF-16, as Windows PowerShell 5 writes it; convert it to UTF-8,"
                " for example with iconv -f UTF-16 -t UTF-8."
            )
        if not self._libraries and not self.failed:
            names = format_list([library.name for library in LIBRARIES], last="or")
            return f"{self.name} has no line that {names} prints ({self._counts()})."
        return None

    def _is_utf_16(self) -> bool:
        """Return whether the first line looks like it: a byte order mark, then characters of two bytes, one of which is 0."""
        first = self._first
        if self._libraries or first is None or first.kind != "unrecognised" or first.text is None:
            return False
        start, end = first.span
        return _UTF_16.match(first.text) is not None and end - start >= 2 * (len(first.text) - 1)

    def _counts(self) -> str:
        runs: tuple[Run | RunSummary, ...] = (*self._finished.values(), *self._live.values())
        counts = {kind: sum(run.kinds.get(kind, 0) for run in runs) for kind in KIND_LABELS}
        return ", ".join(
            f"{count:,} {KIND_LABELS[kind][count != 1]}" for kind, count in counts.items() if count
        )
