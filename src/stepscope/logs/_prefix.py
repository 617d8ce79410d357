"""What launchers, loggers, mail and indentation put in front of every line: found by its regularity, and taken off."""

from __future__ import annotations

import re
from collections import deque
from datetime import date
from typing import TYPE_CHECKING

from stepscope.logs._lines import BEFORE_TRACEBACK, TRACEBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stepscope.logs._lines import Line

__all__ = [
    "LEARNT_FROM",
    "RECOGNISED",
    "SAMPLE",
    "SHARE",
    "PrefixStripper",
    "Stamps",
    "find_rank",
    "split_rank_prefix",
]

SAMPLE = 24  # lines that are looked at together; the wait for them must not be felt
_ATTEMPTS = 4
LEARNT_FROM = SAMPLE * _ATTEMPTS
"""Lines behind which a prefix is not looked for any more."""
_LENGTH = 300  # bytes of a line that tell what it is
_LONGEST = 120
_MOST_CANDIDATES = 40
_TRIED = 8  # of them, those that most lines have
SHARE = 0.7  # of the lines of a sample that have to have the prefix
_LEAST = 3  # lines, where there are as many
RECOGNISED = 0.95  # share of a sample that needs no other reading

# Ranks are told apart, not taken off.
_RANK = re.compile(rb"\[[A-Za-z_]{1,40}\d{1,6}\]:")
# A prefix ends behind one of these marks, blanks or a time of day, or is one that is known to end without a blank.
_DELIMITER = re.compile(
    rb"(?:[|\]:>)]|-)[ \t]|[>|][ \t]*$|[ \t]{2,}(?=\S)"
    rb"|\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?[ \t]"
    rb"|^[A-Z]{4,8}:[\w.]{1,80}:|<std(?:out|err)>:"
)
# Names, levels, times and numbers change from line to line; the marks between them stay.
_PIECE = re.compile(rb"([A-Za-z_][\w.+/-]*)|(\d+)|([ \t]+)|(.)", re.DOTALL)

_BLANK = rb"(?:[ \t]|$)"


class PrefixStripper:
    """Takes one prefix off all lines that have it, once a sample of them is better understood without it.

    Parameters
    ----------
    understand
        Returns how many bytes of some lines are recognised, and whether a training library printed any of them.

    Attributes
    ----------
    pattern
        What is taken off the lines that follow, or None.
    """

    def __init__(self, understand: Callable[[list[Line]], tuple[int, bool]]) -> None:
        self._understand = understand
        self._sample: list[Line] = []
        self.pattern: re.Pattern[bytes] | None = None
        self._attempts = _ATTEMPTS
        self.stamps = Stamps()
        self._part: Line | None = None  # all of a line before a traceback

    @classmethod
    def of(cls, pattern: re.Pattern[bytes] | None) -> PrefixStripper:
        """Return one that takes off what `pattern` says, and looks for nothing."""
        stripper = cls(lambda _: (0, False))
        stripper.pattern, stripper._attempts = pattern, 0
        return stripper

    def feed(self, lines: Iterable[Line]) -> Iterable[Line]:
        """Return the lines that are ready, without the prefix."""
        if self._attempts:
            return self._search(lines)
        return lines if self.pattern is None else self._strip(lines)

    def _search(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            if not self._attempts:
                yield from self._strip([line])
                continue
            self._sample.append(line)
            start = line._replace(text=line.text[:_LENGTH])
            # A line of a training library needs no others beside it; an indented one may still have a prefix.
            if line.text[:1] not in (b" ", b"\t") and self._understand([start])[1]:
                self._attempts = 0
            if not self._attempts or len(self._sample) >= SAMPLE:
                yield from self._release()

    def flush(self) -> Iterator[Line]:
        """Yield the lines that were held back: nothing follows for a while."""
        yield from self._release()
        if self._part is not None:
            yield self._part
            self._part = None

    def _release(self) -> Iterator[Line]:
        if self._sample and self._attempts:
            self._decide()
        lines, self._sample = self._sample, []
        yield from self._strip(lines)

    def _strip(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield lines without the prefix, and what it alone parted from a traceback together with that."""
        for line in lines:
            part, self._part = self._part, None
            if part is not None:
                if line.text.startswith(TRACEBACK):
                    yield line._replace(text=part.text + line.text, start=part.start)
                    continue
                yield part
            stripped = self._stripped(line)
            if stripped is not line:
                self.stamps.add(line.start, line.text[: len(line.text) - len(stripped.text)])
            if stripped is not line and not line.whole and BEFORE_TRACEBACK.fullmatch(stripped.text):
                self._part = stripped
            else:
                yield stripped

    def _stripped(self, line: Line) -> Line:
        if self.pattern is None or (match := self.pattern.match(line.text)) is None:
            return line
        rank = _RANK.search(line.text, 0, match.end())
        return line._replace(text=line.text[match.end() if rank is None else rank.start() :])

    def _decide(self) -> None:
        """Choose the prefix without which the sample is understood best."""
        self._attempts -= (
            len(self._sample) >= SAMPLE
        )  # pauses of a live log leave fewer: these decide nothing for good
        sample = [line._replace(text=line.text[:_LENGTH]) for line in self._sample]
        size = sum(line.end - line.start for line in sample if line.text.strip())
        best, certain = self._understand(sample)
        if best < RECOGNISED * size:
            texts = [line.text for line in sample if line.text.strip()]
            # Where a traceback has a prefix, that was parted from it.
            for pattern in _candidates([text for text in texts if not text.startswith(TRACEBACK)]):
                self.pattern, previous = pattern, self.pattern
                recognised, trains = self._understand([self._stripped(line) for line in sample])
                if recognised > best:
                    best, certain = recognised, trains
                else:
                    self.pattern = previous
        if certain:
            self._attempts = 0


def _candidates(texts: list[bytes]) -> list[re.Pattern[bytes]]:
    """Return what may stand in front of the lines of a sample, the most common first."""
    patterns: dict[bytes, None] = {}
    indented = [text for text in texts if text[:1] in (b" ", b"\t")]
    shortest = min((text[: len(text) - len(text.lstrip(b" \t"))] for text in indented), key=len, default=b"")
    if shortest and all(text.startswith(shortest) for text in indented):
        patterns[re.escape(shortest)] = None
    for text in texts[:12]:
        for match in _DELIMITER.finditer(text, 0, _LONGEST):
            prefix = text[: match.end()]
            if prefix.strip() and _RANK.search(prefix) is None:
                patterns[_generalised(prefix)] = None
    # Where a prefix ends without a blank, those behind it belong to the line.
    distinct = [
        pattern
        for pattern in patterns
        if pattern.removesuffix(_BLANK) not in patterns or not pattern.endswith(_BLANK)
    ]
    shares = {re.compile(pattern): 0 for pattern in distinct[:_MOST_CANDIDATES]}
    for pattern in shares:
        matches = [match for match in map(pattern.match, texts) if match is not None]
        remaining = sum(match.end() < len(match.string.rstrip()) for match in matches)
        if 2 * remaining >= len(matches):  # what leaves nothing of most lines is no prefix
            shares[pattern] = len(matches)
    most = sorted(shares, key=lambda pattern: -shares[pattern])[:_TRIED]
    return [
        pattern for pattern in most if shares[pattern] >= max(min(_LEAST, len(texts)), SHARE * len(texts))
    ]


def _generalised(prefix: bytes) -> bytes:
    """Return an expression for prefixes of this form; one blank at its end belongs to it.

    >>> import re
    >>> pattern = _generalised(b"[2025-10-14 08:15:02][train][INFO] - ")
    >>> re.match(pattern, b"[2025-10-15 09:00:00][eval][ERROR] -   text")[0]
    b'[2025-10-15 09:00:00][eval][ERROR] - '
    """
    pieces = []
    for name, digits, blanks, mark in _PIECE.findall(prefix.rstrip()):
        if name or digits:
            pieces.append(rb"[A-Za-z_][\w.+/-]{0,80}" if name else rb"\d{1,12}")
        else:
            pieces.append(rb"[ \t]{1,80}" if blanks else re.escape(mark))
    if not prefix.endswith(b":"):
        pieces.append(_BLANK)
    return b"".join(pieces)


# "[default1]:" is torchrun's (a role and the local rank), "[rank1]: " PyTorch's own before each line of a traceback.
_PREFIX = re.compile(rb"\[([A-Za-z_]{1,40})(\d{1,6})\]:( ?)")
# Ranks that the libraries name themselves.
_NAMED = re.compile(r"(?:\(rank: |global_rank = |for rank )(\d{1,6})")


def split_rank_prefix(line: Line) -> tuple[int | None, Line]:
    """Return the rank in front of a line, and the line without it; the innermost prefix counts.

    >>> from stepscope.logs._lines import Line
    >>> split_rank_prefix(Line(b"[default1]:[rank3]: Traceback", 0, 30, True))
    (3, Line(text=b'Traceback', start=0, end=30, whole=True))
    """
    rank = None
    while line.text.startswith(b"[") and (match := _PREFIX.match(line.text)) is not None:
        rank = int(match[2])
        # Torchrun puts nothing between its prefix and the line, so a space belongs to the line.
        end = match.end() if match[1] == b"rank" else match.start(3)
        line = line._replace(text=line.text[end:])
    return rank, line


def find_rank(text: str) -> int | None:
    """Return the rank that a message names.

    >>> find_rank("global_rank = 1 local_rank = 1 world_size = 2"), find_rank("Started to train")
    (1, None)
    """
    head = text[:200]
    match = _NAMED.search(head) if "rank" in head else None  # `in` is much faster, and mostly decides
    return None if match is None else int(match[1])


_MOST = 4096  # lines whose records are not complete yet
_DAY = 86_400
_STAMP = re.compile(
    rb"(?:(\d{4})[-/](\d\d)[-/](\d\d)[T _,-]{1,2})?(?<!\d)([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:[.,](\d{1,9}))?(?!\d|:)"
)


class Stamps:
    """Keeps the times of lines until the records that they belong to are complete, in seconds since the first."""

    def __init__(self) -> None:
        self._times: deque[tuple[int, float]] = deque(maxlen=_MOST)
        self._first: float | None = None
        self._latest = 0.0

    def add(self, start: int, prefix: bytes) -> None:
        """Note the time in the prefix of the line that starts at byte `start`, if it has one."""
        match = _STAMP.search(prefix)
        if match is None:
            return
        year, month, day, hour, minute, second, fraction = match.groups()
        seconds = 3600.0 * int(hour) + 60 * int(minute) + int(second) + float(b"0." + (fraction or b"0"))
        if year is not None:
            try:
                seconds += _DAY * date(int(year), int(month), int(day)).toordinal()
            except ValueError:
                return
        elif self._first is not None:
            # A time without a date begins anew at midnight.
            seconds += _DAY * round((self._latest - seconds) / _DAY)
        if self._first is None:
            self._first = seconds
        self._latest = seconds
        self._times.append((start, max(0.0, seconds - self._first)))

    def elapsed(self, span: tuple[int, int]) -> float | None:
        """Return the time of the last line in `span`, and forget what lies before it; None if it has none."""
        times, elapsed = self._times, None
        while times and times[0][0] < span[1]:
            start, seconds = times.popleft()
            if start >= span[0]:
                elapsed = seconds
        return elapsed
