"""The logs that are read: a recording, and usually several things that happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz._damage import (
    edited,
    excerpt,
    interleaved,
    joined,
    prefixed,
    recoded,
    renumbered,
    shuffled,
    spliced,
    stretched,
    troubled,
)
from fuzz._repeat import repeated

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["damaged"]

_MOST = 60_000  # bytes of a case


def damaged(choose: random.Random) -> bytes:
    """Return a log that something happened to; usually several things."""
    data = excerpt(choose)
    for _ in range(choose.choice([0, 1, 1, 2, 3, 5])):
        data = choose.choice(_DAMAGES)(data, choose)[:_MOST]
    return data


_DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    edited,
    edited,
    spliced,
    joined,
    interleaved,
    interleaved,
    shuffled,
    shuffled,
    prefixed,
    renumbered,
    renumbered,
    recoded,
    stretched,
    troubled,
    troubled,
    troubled,
    repeated,
    repeated,
    repeated,
)
