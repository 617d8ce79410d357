"""What a log comes to, in a few sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stepscope.logs._read import library_name
from stepscope.logs._stream import grammars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._records import Kind, Record

__all__ = ["Summary"]

_WIDTH = 200
_WORDS: dict[Kind, tuple[str, str]] = {
    "iteration": ("iteration", "iterations"),
    "progress": ("state of a progress bar", "states of a progress bar"),
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

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Count each record and pass it on."""
        for record in records:
            self._size = record.span[1]
            self._kinds[record.kind] += 1
            self._first.setdefault(record.kind, record)
            if record.library is not None and record.library not in self._libraries:
                self._libraries.append(record.library)
            yield record

    def sentences(self) -> Iterator[str]:
        """Yield what is to be said after all records went by."""
        if not self._size:
            yield f"{self._name} is empty."
            return
        counts = [self._count(kind) for kind in _WORDS if self._kinds[kind]]
        if self._libraries:
            yield f"{' and '.join(map(library_name, self._libraries))}: {', '.join(counts)}."
        else:
            known = [grammar.NAME for grammar in grammars()]
            names = f"{', '.join(known[:-1])} or {known[-1]}"
            yield f"{self._name} has no line that {names} prints ({', '.join(counts)})."
        if (failure := self._first.get("failure")) is not None:
            yield f"First failure, at byte {failure.span[0]:,}: {_shortened(_exception(failure.text or ''))}"
        if (unknown := self._first.get("unrecognised")) is not None:
            yield f"First unrecognised line, at byte {unknown.span[0]:,}: {_shortened(unknown.text or '')}"

    def _count(self, kind: Kind) -> str:
        number = self._kinds[kind]
        return f"{number:,} {_WORDS[kind][number != 1]}"


def _exception(text: str) -> str:
    """Return the line of a traceback that names the exception; more lines of its message may follow."""
    lines = text.rpartition("Traceback (most recent call last):")[2].strip("\n").split("\n")
    return next((line for line in lines if line[:1].strip()), lines[-1])


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
