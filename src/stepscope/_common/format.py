"""Numbers, durations and texts as people read them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DASH",
    "TIMES",
    "collapse_spaces",
    "format_bytes",
    "format_count",
    "format_duration",
    "format_finish_time",
    "format_hms",
    "format_list",
    "format_number",
    "format_rate",
    "format_seconds",
    "format_two_digits",
    "share_widths",
    "truncate",
]

DASH = "\N{EN DASH}"
"""Stands for a missing value."""
TIMES = "\N{MULTIPLICATION SIGN}"

_WIDTH = 200
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONGEST = 1e9  # seconds: no run takes thirty years


def format_rate(value: float) -> str:
    """Return a rate: a small one with decimals, an absurdly large one without hundreds of digits.

    >>> format_rate(112918), format_rate(7.96), format_rate(1e308)
    ('112,918', '7.96', '1e+308')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:,.4g}"  # noqa: PLR2004 - five digits are enough


def format_number(value: float | None) -> str:
    """Return a reward or a length.

    >>> format_number(99.756), format_number(123456.7), format_number(float("nan"))
    ('99.76', '123,457', 'nan')
    """
    if value is None:
        return DASH
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"  # noqa: PLR2004 - the same


def format_two_digits(value: float) -> str:
    """Return a number rounded to two significant digits.

    >>> format_two_digits(1234.5), format_two_digits(0.4), format_two_digits(float("inf"))
    ('1,200', '0.4', 'infinite')
    """
    if math.isinf(value):
        return "infinite"
    digits = 1 - math.floor(math.log10(value)) if value > 0 else 0
    rounded = round(value, digits)
    return f"{rounded:,.0f}" if rounded >= 10 or rounded == int(rounded) else f"{rounded:g}"  # noqa: PLR2004 - two digits


def format_count(number: int, noun: str) -> str:
    """Return a number with its unit.

    >>> format_count(1, "iteration"), format_count(1500, "env step")
    ('1 iteration', '1,500 env steps')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def format_bytes(size: float) -> str:
    """Return a number of bytes in the unit that suits it.

    >>> format_bytes(8 * 2**30), format_bytes(1536), format_bytes(12)
    ('8.00 GiB', '1.50 KiB', '12 B')
    """
    for unit, of in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(size) >= of:
            return f"{size / of:.{2 if size / of < 10 else 1 if size / of < 100 else 0}f} {unit}"  # noqa: PLR2004 - three digits
    return f"{size:.0f} B"


def format_duration(seconds: float) -> str:
    """Return a duration in the two largest units that matter.

    >>> format_duration(42.3), format_duration(95), format_duration(754), format_duration(7500), format_duration(2e5)
    ('42 s', '1 min 35 s', '13 min', '2 h 05 min', '2 d 8 h')
    """
    if not seconds < _LONGEST:
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


def format_hms(seconds: float) -> str:
    """Return a duration to the second.

    >>> format_hms(3723.9)
    '1:02:03'
    """
    return str(timedelta(seconds=int(seconds))) if 0 <= seconds < _LONGEST else "?"


def format_seconds(seconds: float) -> str:
    """Return a short duration to three digits.

    >>> format_seconds(0.0123), format_seconds(1.934), format_seconds(83.21)
    ('12.3 ms', '1.93 s', '83.2 s')
    """
    return f"{1000 * seconds:.3g} ms" if seconds < 0.1 else f"{seconds:.3g} s"  # noqa: PLR2004 - 100 ms


def format_finish_time(seconds: float, *, wall: float) -> str:
    """Return the time of day in `seconds` from `wall`, which is seconds since 1970; empty if that is unknowable.

    From twelve hours on the weekday precedes it, and from six days on the date replaces it.
    """
    if not 0 <= seconds < _LONGEST:
        return ""
    finish = datetime.fromtimestamp(wall + seconds).astimezone()
    if seconds < 12 * _HOUR:
        return f"{finish:%H:%M}"
    return f"{finish:%a %H:%M}" if seconds < 6 * _DAY else f"{finish:%d %b}"


def format_list(names: Sequence[str], *, last: str = "and") -> str:
    """Return names as a sentence lists them.

    >>> format_list(["a"]), format_list(["a", "b", "c"]), format_list(["a", "b"], last="or")
    ('a', 'a, b and c', 'a or b')
    """
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def share_widths(shares: Sequence[float], *, width: int) -> list[int]:
    """Return how many of `width` characters each share takes in a bar; together they fill it.

    >>> share_widths([0.5, 0.25, 0.25], width=10)
    [5, 3, 2]
    """
    ends = [math.floor(width * sum(shares[: index + 1]) + 0.5) for index in range(len(shares))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def collapse_spaces(text: str) -> str:
    r"""Return `text` on one line, with a single space for every gap.

    >>> collapse_spaces("a\n  b")
    'a b'
    """
    return " ".join(text.split())


def truncate(text: str, size: int = _WIDTH) -> str:
    """Return `text`, with ``…`` for what exceeds `size` characters."""
    return text if len(text) <= size else f"{text[: size - 1]}…"
