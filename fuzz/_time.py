"""Time that grows with the length of a log and no faster, whatever the log is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz._tools import BrokenLawError, seconds

if TYPE_CHECKING:
    import random

__all__ = ["blown_up", "check_linear"]

_LENGTH = 150_000  # bytes of the shorter log
_TIMES = 4
_SLACK = 3.0  # times as much as in proportion; a square would be four times
_MOMENT = 0.15  # seconds that are no sign of anything
# What even a slow machine takes, several times over.
_BYTE = 1e-6  # seconds
_LINE = 5e-5


def check_linear(log: bytes, longer: bytes) -> None:
    """Raise if `longer` takes much longer to read, for its length, than `log`."""
    most = _SLACK * len(longer) / max(1, len(log))
    lines = longer.count(b"\n") + longer.count(b"\r")
    limit = _MOMENT + len(longer) * _BYTE + lines * _LINE
    # Whatever disturbed one reading hardly disturbs three.
    for repeats in (1, 3, 5):
        short, long = seconds(log, repeats=repeats), seconds(longer, repeats=repeats)
        if long <= min(most * short + _MOMENT, limit):
            return
    raise BrokenLawError(
        f"{len(log):,} bytes take {short:.3f} s, but {len(longer):,} bytes of the same kind {long:.3f} s"
    )


def blown_up(data: bytes, choose: random.Random) -> tuple[bytes, bytes]:
    """Return two logs of the same kind, made of pieces of `data`, of which one is four times as long."""
    at = choose.randrange(len(data) + 1)
    start, pump = (
        data[: choose.choice([0, 0, at])],
        data[at : at + choose.choice([1, 2, 5, 30, 200, 2000, 60_000])],
    )
    if choose.random() < 0.4:  # noqa: PLR2004 - some of it in one line
        pump = pump.replace(b"\n", b"").replace(b"\r", b"")
    pump = pump or b" "
    count = -(-_LENGTH // len(pump))
    start = start[-20_000:]
    return start + pump * count, start + pump * (count * _TIMES)
