"""What launchers, loggers, mail and indentation put in front of every line: found by its regularity, and taken off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stepscope.logs._lines import Line

__all__ = ["PrefixStripper"]

_SAMPLE = 24  # lines that are looked at together; the wait for them must not be felt
_ATTEMPTS = 8
_LONGEST = 120
_MOST_CANDIDATES = 40
_TRIED = 8  # of them, those that most lines have
_SHARE = 0.5  # of the lines of a sample that have to have the prefix
_RECOGNISED = 0.95  # share of a sample that needs no other reading

# Ranks are told apart, not taken off.
_RANK = re.compile(rb"\[[A-Za-z_]{1,40}\d{1,6}\]:")
# A prefix ends behind one of these, or behind blanks.
_DELIMITER = re.compile(rb"(?:[|\]:>)]|-)[ \t]|[>|][ \t]*$|[ \t]{2,}(?=\S)")
# Names, levels, times and numbers change from line to line; the marks between them stay.
_PIECE = re.compile(rb"[\w.,:/+-]+|[ \t]+|.", re.DOTALL)


class PrefixStripper:
    """Takes one prefix off all lines that have it, once a sample of them is better understood without it.

    Parameters
    ----------
    understand
        Returns how many bytes of some lines are recognised, and whether a training library printed any of them.
    """

    def __init__(self, understand: Callable[[list[Line]], tuple[int, bool]]) -> None:
        self._understand = understand
        self._sample: list[Line] = []
        self._pattern: re.Pattern[bytes] | None = None
        self._attempts = _ATTEMPTS

    def feed(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield the lines that are ready, without the prefix."""
        for line in lines:
            if not self._attempts:
                yield self._stripped(line)
                continue
            self._sample.append(line)
            # A line of a training library needs no others beside it; an indented one may still have a prefix.
            if not line.text.startswith(b" ") and self._understand([line])[1]:
                self._attempts = 0
            if not self._attempts or len(self._sample) >= _SAMPLE:
                yield from self.flush()

    def flush(self) -> Iterator[Line]:
        """Yield the lines that were held back: nothing follows for a while."""
        if self._sample and self._attempts:
            self._decide()
        lines, self._sample = self._sample, []
        yield from map(self._stripped, lines)

    def _stripped(self, line: Line) -> Line:
        if self._pattern is None or (match := self._pattern.match(line.text)) is None:
            return line
        return line._replace(text=line.text[match.end() :])

    def _decide(self) -> None:
        """Choose the prefix without which the sample is understood best."""
        self._attempts -= 1
        size = sum(line.end - line.start for line in self._sample if line.text.strip())
        best, certain = self._understand(self._sample)
        if best < _RECOGNISED * size:
            for pattern in self._candidates():
                self._pattern, previous = pattern, self._pattern
                recognised, trains = self._understand([self._stripped(line) for line in self._sample])
                if recognised > best:
                    best, certain = recognised, trains
                else:
                    self._pattern = previous
        if certain:
            self._attempts = 0

    def _candidates(self) -> list[re.Pattern[bytes]]:
        texts = [line.text for line in self._sample if line.text.strip()]
        patterns: dict[bytes, None] = {}
        indentation = min(len(text) - len(text.lstrip(b" ")) for text in texts) if texts else 0
        if indentation:
            patterns[b" {%d}" % indentation] = None
        for text in texts[:12]:
            for match in _DELIMITER.finditer(text, 0, _LONGEST):
                if not _RANK.match(text[: match.end()]):
                    patterns[_generalised(text[: match.end()])] = None
        shares = {re.compile(pattern): 0 for pattern in list(patterns)[:_MOST_CANDIDATES]}
        for pattern in shares:
            matches = [match for match in map(pattern.match, texts) if match is not None]
            remaining = sum(match.end() < len(match.string.rstrip()) for match in matches)
            if remaining >= _SHARE * len(matches):  # what leaves nothing of most lines is no prefix
                shares[pattern] = len(matches)
        most = sorted(shares, key=lambda pattern: -shares[pattern])[:_TRIED]
        return [pattern for pattern in most if shares[pattern] >= max(1, _SHARE * len(texts))]


def _generalised(prefix: bytes) -> bytes:
    """Return an expression for prefixes of this form; one blank at its end belongs to it.

    >>> import re
    >>> pattern = _generalised(b"[2025-10-14 08:15:02][train][INFO] - ")
    >>> re.match(pattern, b"[2025-10-15 09:00:00][eval][ERROR] -   text")[0]
    b'[2025-10-15 09:00:00][eval][ERROR] - '
    """
    body = prefix.rstrip()
    pieces = []
    for piece in _PIECE.findall(body):
        if re.fullmatch(rb"[\w.,:/+-]+", piece):
            pieces.append(rb"[\w.,:/+-]{1,80}")
        else:
            pieces.append(rb"[ \t]{1,80}" if piece.isspace() else re.escape(piece))
    return b"".join(pieces) + rb"(?:[ \t]|$)"
