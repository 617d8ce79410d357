"""Durations and places as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["about", "clock", "count_of", "exactly", "when"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEARS = 1e9  # seconds: no run takes thirty years


def about(seconds: float) -> str:
    """Return a duration in the two largest units that matter.

    >>> about(42.3), about(95), about(754), about(7500), about(200_000)
    ('42 s', '1 min 35 s', '13 min', '2 h 05 min', '2 d 8 h')
    """
    if not seconds < _YEARS:
        return "years"
    whole = round(max(0.0, seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < 10 * _MINUTE:
        return f"{whole // _MINUTE} min" + (f" {whole % _MINUTE:02} s" if whole % _MINUTE else "")
    minutes = round(whole / _MINUTE)
    if minutes < _HOUR // _MINUTE:
        return f"{minutes} min"
    if minutes < _DAY // _MINUTE:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(whole / _HOUR)
    return f"{hours // 24} d {hours % 24} h"


def clock(seconds: float) -> str:
    """Return a duration to the second.

    >>> clock(3723.9)
    '1:02:03'
    """
    return str(timedelta(seconds=int(seconds))) if 0 <= seconds < _YEARS else "?"


def exactly(seconds: float) -> str:
    """Return how long one of many takes, to three digits.

    >>> exactly(0.0123), exactly(1.934), exactly(83.21)
    ('12.3 ms', '1.93 s', '83.2 s')
    """
    return f"{1000 * seconds:.3g} ms" if seconds < 0.1 else f"{seconds:.3g} s"  # noqa: PLR2004 - 100 ms


def when(seconds: float, *, wall: float) -> str:
    """Return the time of day in `seconds` from `wall`, which is seconds since 1970; empty if nobody can tell.

    The weekday comes with it from twelve hours on, and the date from six days on.
    """
    if not 0 <= seconds < _YEARS:
        return ""
    then = datetime.fromtimestamp(wall + seconds).astimezone()
    if seconds < 12 * _HOUR:
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if seconds < 6 * _DAY else f"{then:%d %b}"


def count_of(number: int, word: str) -> str:
    """Return a number with its unit.

    >>> count_of(1, "iteration"), count_of(1500, "env step")
    ('1 iteration', '1,500 env steps')
    """
    return f"{number:,} {word}{'s' * (number != 1)}"
