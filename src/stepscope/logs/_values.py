"""Read the numbers and durations that the libraries print."""

from __future__ import annotations

import re
from functools import lru_cache

from stepscope.logs._expressions import compiled

__all__ = ["as_count", "as_int", "goal", "parse_duration", "parse_int", "parse_number"]

# The lengths are bounded because Python takes quadratic time for very long integers; 400 digits hold any float.
# The first group is an integer: nothing that is counted is longer, and an int that no float can hold would break
# whoever computes with it.
_NUMBER = compiled(
    rb"([+-]?+\d{1,18}+)|[+-]?+(?:\d{1,400}+(?:\.\d{0,400}+)?+(?:[eE][+-]?+\d{1,4}+)?+|nan|inf)"
)
_MOST = 2**63
_DURATION = re.compile(rb"(?:(-?\d{1,9}) days?, )?(-?)(?:(\d{1,9}):)?(\d{1,2}):(\d{2})")


def parse_number(text: bytes) -> float | None:
    """Return the number that `text` is: an int if it was printed as one, None if it is no number.

    More than 18 digits give a float, which is infinite where no float is as large.

    >>> parse_number(b"512"), parse_number(b"-0.0086"), parse_number(b"inf"), parse_number(b"12s")
    (512, -0.0086, inf, None)
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[1] is None else int(text)


def parse_int(text: bytes | None) -> int | None:
    """Return the whole number that `text` is, if it is one.

    >>> parse_int(b"512"), parse_int(b"nan"), parse_int(None)
    (512, None, None)
    """
    return None if text is None else as_int(parse_number(text))


def as_int(value: float | None) -> int | None:
    """Return `value` if it was printed as a whole number.

    >>> as_int(512), as_int(512.0), as_int(None)
    (512, None, None)
    """
    return value if isinstance(value, int) else None


def as_count(value: float | None) -> int | None:
    """Return `value` if it counts something: no library counts below nothing.

    >>> as_count(512), as_count(-9), as_count(1.5)
    (512, None, None)
    """
    return value if isinstance(value, int) and value >= 0 else None


def goal(value: float | None) -> int | None:
    """Return `value` if it says how many there will be; some libraries print that as a float, and -1 or infinity for no end.

    >>> goal(512), goal(1e6), goal(-1), goal(float("inf")), goal(1e30)
    (512, 1000000, None, None, None)
    """
    return int(value) if value is not None and 1 <= value < _MOST else None


@lru_cache(maxsize=1024)  # clocks print the same again and again
def parse_duration(text: bytes) -> int | None:
    """Return the seconds in a duration printed as ``[D days, ][H:]MM:SS``.

    >>> parse_duration(b"0:00:03"), parse_duration(b"1 day, 2:03:04"), parse_duration(b"10:02"), parse_duration(b"?")
    (3, 93784, 602, None)
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, sign, hours, minutes, seconds = match.groups(default=b"0")
    clock = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return int(days) * 86400 + (-clock if sign == b"-" else clock)
