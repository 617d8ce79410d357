"""Times that a launcher or a logger stamps in front of lines."""

from __future__ import annotations

import re
from collections import deque
from datetime import date

__all__ = ["Stamps"]

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
