"""Clusters of messages that differ only in their numbers."""

from __future__ import annotations

from dataclasses import dataclass

from stepscope._common.text import split_numbers

__all__ = ["MessageCluster", "MessageClusters", "MessageTemplate", "Place"]

_MOST = 100  # templates that are told apart; a run prints a handful
_LONGEST = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Place in a log, in bytes and in the counts of the run.

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
class MessageCluster:
    """Messages of one template.

    Attributes
    ----------
    text
        The message; a number that changed is given as ``smallest…largest``.
    template
        The message with ``#`` for each number.
    count
        How many there are.
    first
        Where the first is.
    """

    text: str
    template: str
    count: int
    first: Place


class MessageTemplate:
    """Text around numbers, with the range of each number.

    Attributes
    ----------
    count
        Messages of this template. One whose text was seen before changes nothing else, so it may be counted here.
    """

    __slots__ = ("_first", "_highest", "_lowest", "_parts", "count")

    def __init__(self, parts: list[str], numbers: list[str], first: Place) -> None:
        self._parts, self._first = parts, first
        self._lowest, self._highest = numbers, list(numbers)
        self.count = 1

    def add(self, numbers: list[str]) -> None:
        """Count a message with other numbers."""
        self.count += 1
        for index, number in enumerate(numbers):
            self._lowest[index] = min(self._lowest[index], number, key=float)
            self._highest[index] = max(self._highest[index], number, key=float)

    def cluster(self) -> MessageCluster:
        """Return what the messages have in common."""
        text = self._parts[0]
        for low, high, part in zip(self._lowest, self._highest, self._parts[1:], strict=True):
            text += (low if float(low) == float(high) else f"{low}…{high}") + part
        return MessageCluster(text=text, template="#".join(self._parts), count=self.count, first=self._first)


class MessageClusters:
    """Counts messages by template, in memory that does not grow with their number.

    Attributes
    ----------
    others
        Counts the messages beyond the most templates that are told apart.
    """

    def __init__(self) -> None:
        self._templates: dict[tuple[str, ...], MessageTemplate] = {}
        self.others = MessageTemplate([], [], Place(byte=0))
        self.others.count = 0

    def add(self, text: str, place: Place) -> MessageTemplate:
        """Count a message, and return what counts it."""
        parts, numbers = split_numbers(text[:_LONGEST])
        key = tuple(parts)
        template = self._templates.get(key)
        if template is not None:
            template.add(numbers)
        elif len(self._templates) < _MOST:
            template = self._templates[key] = MessageTemplate(parts, numbers, place)
        else:
            template = self.others
            template.count += 1
        return template

    def clusters(self) -> tuple[MessageCluster, ...]:
        """Return the clusters, in order of their first messages."""
        return tuple(template.cluster() for template in self._templates.values())
