"""Text that no training library prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path


def lines(root: Path, choose: random.Random) -> Iterator[bytes]:
    """Yield lines of some words of this repository's own prose, each behind a time and a count."""
    words = b" ".join((root / name).read_bytes() for name in ("README.md", "LICENSE")).split()
    for number in range(10**9):
        clock = b"%02d:%02d:%06.3f" % (number // 3600 % 24, number // 60 % 60, 60 * choose.random())
        yield b"%b server[%d]: %b\n" % (
            clock,
            number,
            b" ".join(choose.choices(words, k=choose.randrange(4, 16))),
        )
