"""The progress bar of tqdm, which skrl draws and anybody may."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stepscope.logs._expressions import compiled
from stepscope.logs._values import parse_duration, parse_number

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = ["Bar", "bar_rate", "parse_bar"]

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
