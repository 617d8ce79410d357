"""Cut a stream of bytes into lines that know where they stood, in bounded memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BAR_ENDS", "LINE_LIMIT", "TRACEBACK", "Line", "split"]

LINE_LIMIT = 1 << 16
"""Bytes that are kept of one line."""

TRACEBACK = b"Traceback (most recent call last):"
BAR_ENDS = (b"it/s]", b"s/it]")

# The byte order mark that Windows starts a file with; logs that were put together have one in the middle too.
_MARK = b"\xef\xbb\xbf"
# Colours, cursor movements and titles. No quantifier can give back what it took, so the time is linear.
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]?|\][^\x07\x1b]*+(?:\x07|\x1b\\)|[ -/]*+[0-Z\\^-~]?)")
# A bar leaves the cursor behind itself, so whatever is printed next shares its line.
_BAR = re.compile(rb"(?:\xef\xbb\xbf)?+(?:\s|\x1b\[[\d;]{0,20}[A-Zm])*+\d{1,3}%\|")
# A traceback may stand behind one of these; behind anything else it was printed into the middle of a line.
_BEFORE_TRACEBACK = re.compile(
    rb"(?:\xef\xbb\xbf)?+\s*+(?:\[[^\]\s]{1,40}\]:?\s*+)?[+|\s]*+(?:Exception Group )?"
)


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
    position = 0  # where the line at hand starts
    rest = b""  # its first bytes
    dropped = 0  # how many of its bytes were not kept
    held = b""  # a carriage return that a line feed may follow
    for chunk in chunks:
        data = held + chunk
        held = b"\r" if data.endswith(b"\r") else b""
        pieces = data[: len(data) - len(held)].splitlines(keepends=True)
        shared = any(mark in data for mark in (TRACEBACK, *BAR_ENDS))
        for piece in pieces:
            if piece[-1] not in b"\r\n":  # only the last one
                rest += piece
                dropped += max(0, len(rest) - LINE_LIMIT)
                rest = rest[:LINE_LIMIT]
                continue
            raw = rest + piece
            end = position + len(raw) + dropped
            if (shared or rest) and not dropped:
                yield from _apart(raw, position, whole=True)
            else:
                yield _line(raw, position, end, whole=not dropped)
            position, rest, dropped = end, b"", 0
    if rest or held:
        whole = bool(held or not cut) and not dropped
        if dropped:
            yield _line(rest, position, position + len(rest) + dropped + len(held), whole=False)
        else:
            yield from _apart(rest + held, position, whole=whole)


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
