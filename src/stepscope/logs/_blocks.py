"""The blocks of lines that become one record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope.logs._lines import LINE_LIMIT
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stepscope.logs._lines import Line
    from stepscope.logs._records import Kind

    Pairs = Iterable[tuple[str, float]]

__all__ = [
    "MAX_METRICS",
    "Block",
    "Context",
    "Fields",
    "Numbers",
    "Passage",
    "Single",
    "Text",
    "decoded",
    "message",
]

MAX_METRICS = 4096
"""Numbers that one record may hold: no library prints nearly as many, and memory stays bounded."""

_HALF = 1 << 15


@dataclass
class Context:
    """What a library may know beyond the line at hand.

    Attributes
    ----------
    library
        Library of the latest line that was recognised.
    above
        The separator (``-----``) just above the line, or nothing.
    num_envs
        Number of environments, where the caller gave it.
    """

    library: str | None = None
    above: bytes = b""
    num_envs: int | None = None


class Block(ABC):
    """Lines that become one record; a block of a single line needs nothing but `record`.

    Attributes
    ----------
    library
        Library that printed it.
    yields
        Whether a line that opens another block ends this one even though `take` would take it.
    headed
        Whether the separator above is a part of it.
    has_last_line
        Whether it ends with a certain line, until which lines of others may come between its own.
    complete
        Whether that line has come, so that it takes no other.
    """

    library: str | None = None
    yields = False
    headed = False
    has_last_line = False
    complete = False

    @property
    def unfinished(self) -> bool:
        """Whether its last line is still to come."""
        return self.has_last_line and not self.complete

    @property
    def may_end(self) -> bool:
        """Whether it could be over when nothing more is printed for a while."""
        return not self.unfinished

    def resume(self, line: Line, *, above: bytes) -> bool:
        """Take `line`, and the separator `above` it if there is one, after lines that did not belong here."""
        return not above and self.take(line)

    def take(self, line: Line) -> bool:  # noqa: ARG002 - for those that override it
        """Take `line` into the block if it belongs there; a blank line is offered too and stays in any case."""
        return False

    @abstractmethod
    def record(self, span: tuple[int, int]) -> Record:
        """Return the record of all that was taken."""


class Single(Block):
    """One line, with the fields that it fills."""

    def __init__(self, kind: Kind, library: str | None, **fields: Any) -> None:  # noqa: ANN401 - fields of Record
        self.library = library
        self.is_message = kind in ("message", "unrecognised")
        self._kind: Kind = kind
        self._fields = fields

    def record(self, span: tuple[int, int]) -> Record:
        """Return the record of the line."""
        fields = self._fields
        if "metrics" in fields:  # a message that comes again makes several records
            fields = {**fields, "metrics": dict(fields["metrics"])}
        return Record(library=self.library, kind=self._kind, span=span, **fields)


class Passage(Block):
    """A message, or a failure, of several lines: it goes on while `inside` says so and no other block begins."""

    yields = True

    def __init__(
        self, library: str | None, line: Line, inside: Callable[[bytes], bool], *, kind: Kind = "message"
    ) -> None:
        self.library = library
        self._kind: Kind = kind
        self._text = Text(line.text)
        self._inside: Callable[[bytes], bool] | None = inside

    def take(self, line: Line) -> bool:
        """Take `line` if it is inside."""
        if not line.text or self._inside is None:
            return False
        if self._inside(line.text):
            self._text.add(line.text)
            return True
        self._inside = None
        return False

    def record(self, span: tuple[int, int]) -> Record:
        """Return the whole passage."""
        return Record(library=self.library, kind=self._kind, text=str(self._text), span=span)


class Text:
    """Printed lines, of which very many keep only the first and the last."""

    def __init__(self, first: bytes) -> None:
        self._head = [first]
        self._tail: deque[bytes] = deque()
        self._head_room = _HALF - len(first)
        self._tail_room = _HALF
        self._cut = False

    def add(self, line: bytes) -> None:
        """Add a line."""
        size = len(line) + 1
        if not self._tail and size <= self._head_room:
            self._head.append(line)
            self._head_room -= size
            return
        self._tail.append(line)
        self._tail_room -= size
        while self._tail_room < 0 and len(self._tail) > 1:
            self._tail_room += len(self._tail.popleft()) + 1
            self._cut = True

    def __str__(self) -> str:
        middle = [b"\xe2\x80\xa6"] if self._cut else []
        return "\n".join(decoded(line.rstrip()) for line in [*self._head, *middle, *self._tail]).strip("\n")


def decoded(printed: bytes) -> str:
    """Return what was printed as text that can be shown: no record holds any other.

    White space stays, each character of it as one space.
    """
    text = printed.decode(errors="replace")
    return text if text.isprintable() else printable(text, gaps=True)  # asked here, since most text is


def message(line: Line, library: str | None, *, kind: Kind = "message", **fields: Any) -> Single:  # noqa: ANN401 - as above
    """Return a line that keeps its text; one that was too long ends in ``…``."""
    text = decoded(line.text.rstrip())
    cut = not line.whole and line.end - line.start > LINE_LIMIT
    return Single(kind, library, text=f"{text}…" if cut else text, **fields)


class Numbers:
    """The numbers of one block; a label that is printed again gets a count, so that nothing is lost.

    Attributes
    ----------
    metrics
        Every number under its label: ``a``, then ``a (2)``, ``a (3)``.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        # The last count of each label: to search from the start would take a block of one label quadratic time.
        self._counts: dict[str, int] = {}

    def put(self, label: str, value: float) -> None:
        """Keep `value` under `label`, or under the next name that is free."""
        if label not in self.metrics:
            self.metrics[label] = value
            return
        name, count = label, self._counts.get(label, 1)
        while name in self.metrics:
            count += 1
            name = f"{label} ({count})"
        self._counts[label] = count
        self.metrics[name] = value


class Fields(Block):
    """It goes on while `pairs` returns the labels and numbers of a line, be there none, and ends where it returns None.

    Parameters
    ----------
    library
        Library that printed it.
    line
        Its first line.
    pairs
        What a line holds; None if it does not belong here.
    """

    def __init__(self, library: str, line: Line, pairs: Callable[[bytes], Pairs | None]) -> None:
        self.library = library
        self._text = Text(line.text)
        self._numbers = Numbers()
        self._pairs: Callable[[bytes], Pairs | None] | None = pairs
        self._put(pairs(line.text) or (), whole=line.whole)

    @property
    def metrics(self) -> dict[str, float]:
        """Every number so far, under its label."""
        return self._numbers.metrics

    def take(self, line: Line) -> bool:
        """Take `line` if it belongs here."""
        if not line.text or self._pairs is None:
            return False
        values = self._pairs(line.text)
        if values is None or len(self.metrics) >= MAX_METRICS:
            self._pairs = None
            return False
        self._text.add(line.text)
        self._put(values, whole=line.whole)
        return True

    def end(self) -> None:
        """Take no further line."""
        self._pairs = None

    def record(self, span: tuple[int, int]) -> Record:
        """Return the whole as a message."""
        return Record(
            library=self.library, kind="message", text=str(self._text), metrics=self.metrics, span=span
        )

    def _put(self, pairs: Pairs, *, whole: bool) -> None:
        if whole:
            for label, value in pairs:
                self._numbers.put(label, value)
