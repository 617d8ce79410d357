"""Messages that differ only in their numbers, counted together."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Group", "Groups", "Place"]

_MOST = 100  # kinds of messages that are told apart; a run prints a handful
_LONGEST = 300
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something was printed.

    Attributes
    ----------
    byte
        Its first byte in the log.
    after
        The latest count that was printed before it; None if there was none.
    planned
        How far that count is to go, where it was printed.
    unit
        What is counted: ``iteration``, ``vector step`` or ``env step``.
    """

    byte: int
    after: int | None = None
    planned: int | None = None
    unit: str = "iteration"

    def __str__(self) -> str:
        if self.after is None:
            return "before anything was reported"
        return f"after {self.unit} {self.after:,}" + ("" if self.planned is None else f"/{self.planned:,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Messages of one wording.

    Attributes
    ----------
    text
        What they say; a number that changed is given as ``smallest…largest``.
    count
        How many there are.
    first
        Where the first is.
    """

    text: str
    count: int
    first: Place


class Groups:
    """Counts messages by their wording; memory does not grow with their number."""

    def __init__(self) -> None:
        self._found: dict[str, _Wording] = {}
        self.others = 0

    def add(self, text: str, place: Place) -> None:
        """Count a message."""
        text = text[:_LONGEST]
        numbers = _NUMBER.findall(text)
        key = _NUMBER.sub("#", text) if numbers else text
        wording = self._found.get(key)
        if wording is not None:
            wording.add(numbers)
        elif len(self._found) < _MOST:
            self._found[key] = _Wording(text, numbers, place)
        else:
            self.others += 1

    def groups(self) -> tuple[Group, ...]:
        """Return the groups, the first message's first."""
        return tuple(wording.group() for wording in self._found.values())


class _Wording:
    def __init__(self, text: str, numbers: list[str], place: Place) -> None:
        self._between = _NUMBER.split(text)
        self._least = numbers
        self._most = list(numbers)
        self._place = place
        self._count = 1

    def add(self, numbers: list[str]) -> None:
        self._count += 1
        if numbers == self._most:
            return
        for index, number in enumerate(numbers):
            self._least[index] = min(self._least[index], number, key=float)
            self._most[index] = max(self._most[index], number, key=float)

    def group(self) -> Group:
        spans = [
            least if float(least) == float(most) else f"{least}…{most}"
            for least, most in zip(self._least, self._most, strict=True)
        ]
        parts = [part for pair in zip(self._between, [*spans, ""], strict=True) for part in pair]
        return Group(text="".join(parts), count=self._count, first=self._place)
