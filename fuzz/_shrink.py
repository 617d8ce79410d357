"""Make a failing log short enough to be looked at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["shrunk"]


def shrunk(data: bytes, fails: Callable[[bytes], bool], *, limit: float = 20.0) -> bytes:
    """Return the shortest log that still fails and is found within `limit` seconds: lines are left out, then bytes."""
    until = time.monotonic() + limit
    parts = data.splitlines(keepends=True)
    parts = _fewer(parts, fails, until)
    letters = [bytes([code]) for code in b"".join(parts)]
    return b"".join(_fewer(letters, fails, until))


def _fewer(parts: list[bytes], fails: Callable[[bytes], bool], until: float) -> list[bytes]:
    size = max(1, len(parts) // 2)
    while True:
        at, before = 0, len(parts)
        while at < len(parts):
            if time.monotonic() > until:
                return parts
            fewer = parts[:at] + parts[at + size :]
            if fails(b"".join(fewer)):
                parts = fewer
            else:
                at += size
        if size == 1 and len(parts) == before:
            return parts
        size = max(1, size // 2)
