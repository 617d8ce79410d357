"""The latest lines that a run printed, each wording once."""

from __future__ import annotations

import re

from stepscope.watch.words import printable

__all__ = ["Latest"]

_KEPT = 12
_LONGEST = 500
_DIGITS = re.compile(r"\d+")


class Latest:
    """Keeps lines that differ in more than their numbers; one that comes again goes to the end."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def add(self, text: str) -> None:
        """Take a message, of which the first line with a letter counts."""
        line = next((line for line in text[:_LONGEST].splitlines() if any(map(str.isalpha, line))), "")
        if not (line := printable(line)):
            return
        key = _DIGITS.sub("#", line)
        self._lines.pop(key, None)
        self._lines[key] = line
        if len(self._lines) > _KEPT:
            del self._lines[next(iter(self._lines))]

    def lines(self) -> tuple[str, ...]:
        """Return the lines, the last one last."""
        return tuple(self._lines.values())
