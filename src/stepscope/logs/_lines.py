"""Cut a stream of bytes into lines that know where they stood, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stepscope.logs._expressions import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BAR_ENDS", "LINE_LIMIT", "TRACEBACK", "Line", "Splitter", "split"]

LINE_LIMIT = 1 << 16
"""Bytes that are kept of one line."""

TRACEBACK = b"Traceback (most recent call last):"
BAR_ENDS = (b"it/s]", b"s/it]")

# The byte order mark that Windows starts a file with; logs that were put together have one in the middle too.
_MARK = b"\xef\xbb\xbf"
# Colours, cursor movements and titles. No quantifier can give back what it took, so the time is linear.
_ESCAPE = compiled(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[ -/]*+[0-Z\\^-~]?)")
# A bar leaves the cursor behind itself, so whatever is printed next shares its line.
_BAR = compiled(rb"(?:\xef\xbb\xbf)?+(?:\s|\x1b\[[\d;]{0,20}[A-Zm])*+\d{1,3}%\|")
# A traceback may stand behind one of these; behind anything else it was printed into the middle of a line.
_BEFORE_TRACEBACK = compiled(
    rb"(?:\xef\xbb\xbf)?+\s*+(?:\[[^\]\s]{1,40}\]:?\s*+){0,3}+[+|\s]*+(?:Exception Group )?"
)

_LINE = compiled(rb"[^\r\n]*+(?:\r\n?|\n)")
_RETURN = ord("\r")


class Line(NamedTuple):
    """One line of the input, ended by a line feed, a carriage return or both.

    Attributes
    ----------
    text
        The line without its end, control sequences and a byte order mark; at most `LINE_LIMIT` bytes.
    start
        Where the line starts in the input, in bytes.
    end
        Where the next line starts.
    whole
        Whether `text` is all of it. If not, the last number in it may lack digits.
    """

    text: bytes
    start: int
    end: int
    whole: bool


def split(chunks: Iterable[bytes], *, cut: bool = True) -> Iterator[Line]:
    """Cut `chunks` into lines.

    A carriage return alone ends a line too: a progress bar prints one before it draws itself anew.
    `cut` says that the input may have been cut off anywhere, so a last line without an end is not `whole`.
    """
    splitter = Splitter(cut=cut)
    for chunk in chunks:
        splitter.add(chunk)
        while lines := splitter.next():
            yield from lines
    yield from splitter.finish()


class Splitter:
    """Cuts bytes into lines, one at a time, so that whoever reads may also take many lines at once.

    Attributes
    ----------
    data
        The bytes at hand, from the start of a line on.
    at
        Where in `data` the next line starts.
    base
        Where in the input `data` starts. While the first line of `data` lacks bytes that were not kept, `whole` is
        False.
    """

    def __init__(self, *, cut: bool) -> None:
        self.data = b""
        self.at = 0
        self.base = 0
        self._cut = cut
        self._dropped = 0  # bytes of the first line that were not kept
        self._shared = False

    @property
    def whole(self) -> bool:
        """Whether the next line is all there."""
        return not self._dropped

    def add(self, chunk: bytes) -> None:
        """Put a chunk behind what is left of the one before."""
        rest = self.data[self.at :]
        self.base += self.at
        if len(rest) > LINE_LIMIT:  # no end of a line in it
            held = rest.endswith(b"\r")
            kept = rest[: LINE_LIMIT - held] + b"\r" * held
            self._dropped += len(rest) - len(kept)
            rest = kept
        self.data, self.at = rest + chunk, 0
        self._shared = any(mark in self.data for mark in (TRACEBACK, *BAR_ENDS))

    def next(self, *, end: bool = False) -> tuple[Line, ...]:
        """Return the next line, parted where two share it, or nothing if it has no end yet.

        With `end`, a carriage return at the end of the data is one.
        """
        data, at = self.data, self.at
        found = _LINE.match(data, at)
        if found is None:
            return ()
        stop = found.end()
        if stop == len(data) and data[stop - 1] == _RETURN and not end:
            return ()  # a line feed may follow
        self.at = stop
        return self._lines(found.group(), at, whole=True)

    def finish(self) -> tuple[Line, ...]:
        """Return what is left when nothing follows."""
        lines = self.next(end=True)
        rest = self.data[self.at :]
        if not rest:
            return lines
        at, self.at = self.at, len(self.data)
        return (*lines, *self._lines(rest, at, whole=not self._cut))

    def _lines(self, raw: bytes, at: int, *, whole: bool) -> tuple[Line, ...]:
        start = self.base + at
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.base += dropped
            return (_line(raw, start, start + len(raw) + dropped, whole=False),)
        if self._shared and (TRACEBACK in raw or any(unit in raw for unit in BAR_ENDS)):
            return tuple(_apart(raw, start, whole=whole))
        return (_line(raw, start, start + len(raw), whole=whole),)


def _apart(raw: bytes, start: int, *, whole: bool) -> Iterator[Line]:
    """Part what shares a line only because two streams, or a bar and a message, were written to one place."""
    begin = 0
    for at in _cuts(raw):
        yield _line(raw[begin:at], start + begin, start + at, whole=False)
        begin = at
    yield _line(raw[begin:], start + begin, start + len(raw), whole=whole)


def _cuts(raw: bytes) -> Iterator[int]:
    """Yield where another line starts within `raw`: behind a bar, and before a traceback."""
    begin = 0
    if (bar := _BAR.match(raw)) is not None:
        end = next((at + len(unit) for unit in BAR_ENDS if (at := raw.find(unit, bar.end())) >= 0), -1)
        if end >= 0 and _ESCAPE.sub(b"", raw[end:]).strip():
            # A bar that became shorter wipes its old end with spaces.
            begin = end + len(raw[end:]) - len(raw[end:].lstrip(b" "))
            yield begin
    at = raw.find(TRACEBACK, begin)
    if at > begin and not _BEFORE_TRACEBACK.fullmatch(_ESCAPE.sub(b"", raw[begin:at])):
        yield at


def _line(raw: bytes, start: int, end: int, *, whole: bool) -> Line:
    if len(raw) > LINE_LIMIT:
        whole = whole and len(raw.rstrip(b"\r\n")) <= LINE_LIMIT
        raw = raw[:LINE_LIMIT]
    raw = raw.removeprefix(_MARK)
    text = _ESCAPE.sub(b"", raw) if b"\x1b" in raw else raw
    return Line(text.rstrip(b"\r\n"), start, end, whole)
