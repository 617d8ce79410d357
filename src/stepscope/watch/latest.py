"""The latest lines that a run printed, each wording once."""

from __future__ import annotations

import re

from stepscope._common import printable

__all__ = ["Latest"]

_KEPT = 12
_LONGEST = 500
_DIGITS = re.compile(r"\d+")


class Latest:
    """Keeps lines that differ in more than their numbers; one that comes again goes to the end."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, float]] = {}

    def add(self, text: str, *, at: float) -> None:
        """Take a message that was read at a time; its first line with a letter counts."""
        line = next((line for line in text[:_LONGEST].splitlines() if any(map(str.isalpha, line))), "")
        if not (line := printable(line)):
            return
        key = _DIGITS.sub("#", line)
        self._lines.pop(key, None)
        self._lines[key] = line, at
        if len(self._lines) > _KEPT:
            del self._lines[next(iter(self._lines))]

    def lines(self, *, since: float) -> tuple[str, ...]:
        """Return the lines that were read since a time, the last one last."""
        return tuple(line for line, at in self._lines.values() if at >= since)
