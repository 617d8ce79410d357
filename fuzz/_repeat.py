"""Blocks that are nearly the same, again and again: what a reader may have learnt of them must not mislead it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fuzz._damage import INSERTED, lines_of, renumbered, shuffled

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["repeated"]


def repeated(data: bytes, choose: random.Random) -> bytes:
    """Print one block again and again, with other numbers, and now and then one that is slightly different."""
    starts = [found.start() for found in _BLOCK.finditer(data)] or [0]
    which = choose.randrange(len(starts))
    block = data[starts[which] : [*starts, len(data)][which + 1]][:3000] or b"\n"
    share = choose.choice([0.02, 0.3])
    out = []
    for _ in range(choose.choice([3, 10, 40])):
        one = _drawn_anew(block, choose) if choose.random() < 0.9 else block  # noqa: PLR2004 - nearly always
        out.append(choose.choice(_SLIGHT)(one, choose) if choose.random() < share else one)
        if choose.random() < share:
            out.append(choose.choice(_BETWEEN))
    return b"".join(out)


_BLOCK = re.compile(rb"(?m)^#{80}$|^-+\n(?=\| )|^fps step: |\r *\d+%\|")


# What may stand between two blocks: much of it looks empty, or as if it belonged to one of them.
_BETWEEN = (
    *INSERTED,
    b"\x1b[0m\n",
    b"\xef\xbb\xbf\n",
    b" \n",
    b"\t\n",
    b"\x0c\n",
    b"\r\r\n",
    b"\x1b[0m",
    b"-----\n",
    b"=====\n",
    b"                               Mean reward: 1.5\n",
    b"    x: 1\n",
    b"| a | 1 |\n",
    b"| time/ | |\n",
    b"|    fps | 1 |\n",
    b"Using cpu device\n",
    b"Storing git diff for 'main' in: runs/git/main.diff\n",
    b"saving next best rewards:  [21.208334]\n",
    b"[rank0]: oops\n",
    b"  warnings.warn(\n",
    b"\x1b[38;20m[skrl:INFO] Seed: 1\x1b[0m\n",
)


def _drawn_anew(block: bytes, choose: random.Random) -> bytes:
    """Return the block with other digits, as many as there were, and now and then more or fewer."""
    digits = re.sub(rb"\d", lambda _: b"%d" % choose.randrange(10), block)
    if choose.random() < 0.5:  # noqa: PLR2004 - every other time
        return digits
    return re.sub(rb"(?<= )\d+", lambda _: b"%d" % choose.randrange(10 ** choose.randrange(1, 8)), digits)


def _slightly(block: bytes, choose: random.Random) -> bytes:
    """Put one thing into the block that does not belong there, or take one away."""
    at = choose.randrange(len(block) + 1)
    what = choose.choice(
        [b" ", b"-", b"0", b".", b":", b"\t", b"n", b"\n", b"\r", b"|", b"%", b"e", *INSERTED]
    )
    return block[:at] + what + block[at + choose.choice([0, 1]) :]


_SLIGHT: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _slightly,
    _slightly,
    shuffled,
    renumbered,
    lambda block, _: block.replace(b"\n", b"\r\n"),
    lambda block, choose: block[: choose.randrange(len(block) + 1)],
    lambda block, choose: block[choose.randrange(len(block) + 1) :],
    lambda block, choose: b"".join(b"[rank%d]: %b" % (choose.randrange(3), line) for line in lines_of(block)),
    lambda block, _: re.sub(rb"(?m)^[ \t]+", b"", block),
    lambda block, _: re.sub(rb"\x1b\[[\d;]*m", b"", block),
    lambda block, choose: block.replace(b"-", b"", choose.randrange(3)),
)
