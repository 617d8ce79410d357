"""Numbers, durations and bars in a line, and expressions that take linear time."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = [
    "Bar",
    "as_count",
    "as_int",
    "bar_rate",
    "compiled",
    "goal",
    "parse_bar",
    "parse_duration",
    "parse_int",
    "parse_number",
    "translated",
]

# One character, escape, class or bracket; then perhaps a quantifier that gives nothing back, without its last plus.
_PART = re.compile(
    rb"(\\x[0-9a-f]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(?:([*+?]|\{[\d,]{1,9}\})\+)?", re.DOTALL
)


def compiled(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """Return what `re.compile` does from Python 3.11 on."""
    if sys.version_info < (3, 11):
        pattern = translated(pattern)
    return re.compile(pattern, flags)


def translated(pattern: bytes) -> bytes:
    r"""Return an expression for Python 3.10.

    A run of one kind of character gives nothing back where no other may follow it, so the time stays linear. What is
    bounded, or a group, becomes an ordinary quantifier: what it gives back is little.

    >>> translated(rb"\s*+(?:a{1,9}+)?+b")
    b'\\s*(?!\\s)(?:a{1,9})?b'
    """
    return _PART.sub(_ordinary, pattern)


def _ordinary(part: re.Match[bytes]) -> bytes:
    what, quantifier = part.groups()
    if quantifier is None:
        return part[0]
    is_run = quantifier in (b"*", b"+") and what != b")"
    return what + quantifier + (b"(?!" + what + b")" if is_run else b"")


# The lengths are bounded because Python takes quadratic time for very long integers; 400 digits hold any float.
# The first group is an integer: nothing that is counted is longer, and an int that no float can hold would break
# whoever computes with it.
_NUMBER = compiled(
    rb"([+-]?+\d{1,18}+)|[+-]?+(?:\d{1,400}+(?:\.\d{0,400}+)?+(?:[eE][+-]?+\d{1,4}+)?+|nan|inf)"
)
_MOST = 2**63
_DURATION = re.compile(rb"(?:(-?\d{1,9}) days?, )?(-?)(?:(\d{1,9}):)?(\d{1,2}):(\d{2})")


def parse_number(text: bytes) -> float | None:
    """Return the number that `text` is: an int if it was printed as one, None if it is not a number.

    More than 18 digits give a float, which is infinite where no float is as large.

    >>> parse_number(b"512"), parse_number(b"-0.0086"), parse_number(b"inf"), parse_number(b"12s")
    (512, -0.0086, inf, None)
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match.lastindex is None else int(text)


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
    """Return `value` if it shows how many there will be; some libraries print that as a float, and -1 or infinity for no end.

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


# The bar itself is made of blocks; or of digits and hashes, or question marks, where those cannot be shown.
_START = compiled(rb"\s*+\d{1,3}%\|[ #?\d\xe2|]")
_END = compiled(
    rb"\| (\d{1,18})/(\d{1,18}) \[([-\d:]{1,20})<([-\d:?]{1,20}), \s*+([\d.]{1,400}|\?)(it/s|s/it)\]\s*+"
)
# A narrow terminal cuts the bar off behind its counts.
_CUT = re.compile(rb"\| (\d{1,18})/(\d{1,18}) \[")


class Bar(NamedTuple):
    """What a bar says.

    Attributes
    ----------
    done, total
        What it counts.
    elapsed, remaining
        Durations, in seconds; None where they are unknown.
    rate
        Number under its unit, ``it/s`` or ``s/it``.
    whole
        Whether nothing of it is cut off.
    """

    done: int | None
    total: int | None
    elapsed: int | None
    remaining: int | None
    rate: dict[str, float]
    whole: bool


def parse_bar(text: bytes) -> Bar | None:
    """Return what `text` says if it is a bar."""
    if _START.match(text) is None:
        return None
    match = _END.fullmatch(text, max(0, text.rfind(b"| ")))
    if match is None:
        cut = _CUT.search(text[-200:])
        if cut is None:
            return Bar(None, None, None, None, {}, whole=False)
        return Bar(int(cut[1]), int(cut[2]), None, None, {}, whole=False)
    done, total, elapsed, remaining, rate, unit = match.groups()
    value = parse_number(rate)
    rates = {} if value is None else {unit.decode(): value}
    return Bar(int(done), int(total), parse_duration(elapsed), parse_duration(remaining), rates, whole=True)


def bar_rate(record: Record) -> float | None:
    """Return the vector steps per second that a progress bar prints, some as seconds per step."""
    rate, seconds = record.metrics.get("it/s"), record.metrics.get("s/it")
    return 1 / seconds if rate is None and seconds else rate
