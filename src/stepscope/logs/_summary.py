"""What a log comes to, in a few sentences."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from stepscope.logs._read import library_name
from stepscope.logs._stream import grammars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._records import Kind, Record

__all__ = ["Summary"]

_WIDTH = 200
# Of a line in UTF-16 the byte order mark remains as two bytes that could not be read, and of the zeros nothing.
_UTF_16 = re.compile("\N{REPLACEMENT CHARACTER}{2}(?!\N{REPLACEMENT CHARACTER})")
_WORDS: dict[Kind, tuple[str, str]] = {
    "iteration": ("iteration", "iterations"),
    "progress": ("progress update", "progress updates"),
    "checkpoint": ("checkpoint", "checkpoints"),
    "best_reward": ("best reward", "best rewards"),
    "message": ("message", "messages"),
    "failure": ("failure", "failures"),
    "unrecognised": ("unrecognised line", "unrecognised lines"),
}


class Summary:
    """Counts records as they go by; memory does not grow with their number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._size = 0
        self._kinds: Counter[Kind] = Counter()
        self._libraries: list[str] = []
        self._first: dict[Kind, Record] = {}
        self._latest: Record | None = None
        self._before_failure: Record | None = None

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Count each record and pass it on."""
        for record in records:
            self._size = record.span[1]
            self._kinds[record.kind] += 1
            if record.kind in ("iteration", "progress"):
                self._latest = record
            elif record.kind == "failure" and "failure" not in self._first:
                self._before_failure = self._latest
            self._first.setdefault(record.kind, record)
            if record.library is not None and record.library not in self._libraries:
                self._libraries.append(record.library)
            yield record

    def problem(self) -> str | None:
        """Return why this is not the log of a training run, or None if it is."""
        if not self._size:
            return f"{self._name} is empty; give the file that holds the console output of a run."
        if self._is_utf_16():
            return (
                f"{self._name} looks like UTF-16, as Windows PowerShell 5 writes it; convert it to UTF-8,"
                " for example with iconv -f UTF-16 -t UTF-8."
            )
        if not self._libraries:
            known = [grammar.NAME for grammar in grammars()]
            names = f"{', '.join(known[:-1])} or {known[-1]}"
            return f"{self._name} has no line that {names} prints ({self._counts()})."
        return None

    def sentences(self) -> Iterator[str]:
        """Yield what is to be said after all records went by."""
        if self._libraries:
            yield f"{' and '.join(map(library_name, self._libraries))}: {self._counts()}."
        if (failure := self._first.get("failure")) is not None:
            yield f"First failure, {_after(self._before_failure)} (byte {failure.span[0]:,}):"
            yield f"  {_shortened(_exception(failure.text or ''))}"
        unknown = self._first.get("unrecognised")
        if unknown is not None and (self._libraries or failure is not None):
            yield f"First unrecognised line, at byte {unknown.span[0]:,}: {_shortened(unknown.text or '')}"

    def _is_utf_16(self) -> bool:
        """Say whether the first line looks it: a byte order mark, then characters of two bytes, one of which is 0."""
        first = self._first.get("unrecognised")
        if self._libraries or first is None or first.span[0] or first.text is None:
            return False
        start, end = first.span
        return _UTF_16.match(first.text) is not None and end - start >= 2 * (len(first.text) - 1)

    def _counts(self) -> str:
        return ", ".join(self._count(kind) for kind in _WORDS if self._kinds[kind])

    def _count(self, kind: Kind) -> str:
        number = self._kinds[kind]
        return f"{number:,} {_WORDS[kind][number != 1]}"


def _after(record: Record | None) -> str:
    if record is None or record.iteration is None:
        return "before anything was reported"
    what = "vector step" if record.kind == "progress" else "iteration"
    total = "" if record.iterations is None else f"/{record.iterations:,}"
    return f"after {what} {record.iteration:,}{total}"


def _exception(text: str) -> str:
    """Return the line of a traceback that names the exception; more lines of its message may follow."""
    lines = text.rpartition("Traceback (most recent call last):")[2].strip("\n").split("\n")
    return next((line for line in lines if line[:1].strip()), lines[-1])


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
