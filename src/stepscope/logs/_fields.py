"""A message of several lines, in some of which a number stands behind its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs._blocks import MAX_METRICS, Block, Numbers, Text
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stepscope.logs._lines import Line

    Pairs = Iterable[tuple[str, float]]

__all__ = ["Fields"]


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
