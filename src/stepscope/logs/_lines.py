"""Cut a stream of bytes into lines that know where they stood, in bounded memory."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, NamedTuple

from stepscope.logs._values import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BAR_ENDS", "BEFORE_TRACEBACK", "LINE_LIMIT", "TRACEBACK", "Line", "Splitter", "split"]

LINE_LIMIT = 1 << 16
"""Bytes that are kept of one line."""

TRACEBACK = b"Traceback (most recent call last):"
BAR_ENDS = (b"it/s]", b"s/it]")

# The byte order mark that Windows starts a file with; logs that were put together have one in the middle too.
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Colours, cursor movements and titles. No quantifier can give back what it took, so the time is linear.
_ESCAPE = compiled(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[ -/]*+[0-Z\\^-~]?)")
# A bar leaves the cursor behind itself, so whatever is printed next shares its line.
_BAR = compiled(rb"(?:\xef\xbb\xbf)?+(?:\s|\x1b\[[\d;]{0,20}[A-Zm])*+\d{1,3}%\|")
# A traceback may stand behind one of these; behind anything else it was printed into the middle of a line.
BEFORE_TRACEBACK = compiled(
    rb"(?:\xef\xbb\xbf)?+\s*+(?:\[[^\]\s]{1,40}\]:?\s*+){0,3}+[+|\s]*+(?:Exception Group )?"
)

# What a line may hold that makes its text differ from what was printed, or that two lines may share, as bars do.
_MARKS = (b"\x1b", _BYTE_ORDER_MARK, TRACEBACK)


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


_NEW_LINE = partial(tuple.__new__, Line)  # as `Line._make`, without a call of Python's for each of many lines


def split(chunks: Iterable[bytes], *, cut: bool = True) -> Iterator[Line]:
    """Cut `chunks` into lines.

    A carriage return alone ends a line too: a progress bar prints one before it draws itself anew.
    `cut` shows that the input may have been cut off anywhere, so a last line without an end is not `whole`.
    """
    splitter = Splitter(cut=cut)
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.close()


class Splitter:
    """Cuts bytes that come in chunks into lines; `cut` is that of `split`."""

    def __init__(self, *, cut: bool) -> None:
        self._cut = cut
        self._rest = b""  # a line without its end
        self._dropped = 0  # bytes of that line that were not kept
        self._start = 0  # where it starts in the input

    def feed(self, chunk: bytes) -> list[Line]:
        """Return the lines that end in `chunk`; one that ends in a carriage return is held, as a line feed may follow."""
        data = self._rest + chunk
        lines = data.splitlines(keepends=True)
        self._rest = b"" if not lines or lines[-1].endswith(b"\n") else lines.pop()
        located = self._locate(data, lines)
        if len(self._rest) > LINE_LIMIT:
            held = self._rest.endswith(b"\r")
            kept = self._rest[: LINE_LIMIT - held] + b"\r" * held
            self._dropped += len(self._rest) - len(kept)
            self._rest = kept
        return located

    def flush(self) -> list[Line]:
        """Return the line that a carriage return at the end of the last chunk ends."""
        return self._take_rest() if self._rest.endswith(b"\r") else []

    def close(self) -> list[Line]:
        """Return what is left when nothing follows."""
        return self._take_rest() if self._rest else []

    def _take_rest(self) -> list[Line]:
        raw, self._rest = self._rest, b""
        return self._locate(raw, [raw], whole=raw.endswith(b"\r") or not self._cut)

    def _locate(self, data: bytes, lines: list[bytes], *, whole: bool = True) -> list[Line]:
        """Return the lines that `data` consists of, with their places."""
        located: list[Line] = []
        if lines and self._dropped:
            raw = lines.pop(0)
            end = self._start + len(raw) + self._dropped
            located.append(_line(raw, self._start, end, whole=False))
            self._start, self._dropped = end, 0
        ends = list(accumulate(map(len, lines), initial=self._start))
        self._start = ends[-1]
        texts = [raw.rstrip(b"\r\n") for raw in lines]
        plain = list(map(_NEW_LINE, zip(texts, ends, ends[1:], repeat(whole), strict=False)))
        done = 0
        for number in _special(data, lines):
            located += plain[done:number]
            located += _parted(lines[number], ends[number], whole=whole)
            done = number + 1
        return located + plain[done:]


def _special(data: bytes, lines: list[bytes]) -> list[int]:
    """Return which of the lines in `data` need a closer look."""
    numbers = {number for mark in _MARKS if mark in data for number, raw in enumerate(lines) if mark in raw}
    for unit in BAR_ENDS:
        if unit in data:  # a bar alone is a line as any other
            numbers.update(number for number, raw in enumerate(lines) if raw.partition(unit)[2].strip())
    if len(data) > LINE_LIMIT:
        numbers.update(number for number, raw in enumerate(lines) if len(raw) > LINE_LIMIT)
    return sorted(numbers)


def _parted(raw: bytes, start: int, *, whole: bool) -> Iterator[Line]:
    """Part what shares a line only because two streams, or a bar and a message, were written to one place."""
    begin = 0
    if TRACEBACK in raw or BAR_ENDS[0] in raw or BAR_ENDS[1] in raw:
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
    if at > begin and not BEFORE_TRACEBACK.fullmatch(_ESCAPE.sub(b"", raw[begin:at])):
        yield at


def _line(raw: bytes, start: int, end: int, *, whole: bool) -> Line:
    if len(raw) > LINE_LIMIT:
        whole = whole and len(raw.rstrip(b"\r\n")) <= LINE_LIMIT
        raw = raw[:LINE_LIMIT]
    text = _ESCAPE.sub(b"", raw) if b"\x1b" in raw else raw
    return Line(text.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\r\n"), start, end, whole)
