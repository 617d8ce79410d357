"""Read the numbers and durations that the libraries print."""

from __future__ import annotations

import re

__all__ = ["duration", "integer", "number"]

# The lengths are bounded because Python takes quadratic time for very long integers; 400 digits hold any float.
_NUMBER = re.compile(rb"[+-]?+(?:\d{1,400}+(?:(\.)\d{0,400}+)?+(?:([eE])[+-]?+\d{1,4}+)?+|(nan|inf))")
_DURATION = re.compile(rb"(?:(-?\d{1,9}) days?, )?(-?)(?:(\d{1,9}):)?(\d{1,2}):(\d{2})")


def number(text: bytes) -> float | None:
    """Return the number that `text` is: an int if it was printed as one, None if it is no number.

    >>> number(b"512"), number(b"-0.0086"), number(b"inf"), number(b"12s")
    (512, -0.0086, inf, None)
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    return float(text) if found.lastindex else int(text)


def integer(text: bytes | None) -> int | None:
    """Return the whole number that `text` is, if it is one.

    >>> integer(b"512"), integer(b"nan"), integer(None)
    (512, None, None)
    """
    value = number(text) if text is not None else None
    return value if isinstance(value, int) else None


def duration(text: bytes) -> int | None:
    """Return the seconds in a duration printed as ``[D days, ][H:]MM:SS``.

    >>> duration(b"0:00:03"), duration(b"1 day, 2:03:04"), duration(b"10:02"), duration(b"?")
    (3, 93784, 602, None)
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, sign, hours, minutes, seconds = found.groups(default=b"0")
    clock = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return int(days) * 86400 + (-clock if sign == b"-" else clock)
