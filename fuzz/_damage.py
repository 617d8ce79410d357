"""What may happen to a log before somebody reads it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope.explain import catalogue

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = [
    "INSERTED",
    "edited",
    "excerpt",
    "interleaved",
    "joined",
    "lines_of",
    "prefixed",
    "recoded",
    "recordings",
    "renumbered",
    "shuffled",
    "spliced",
    "stretched",
    "troubled",
]

RECORDINGS = Path(__file__).parents[1] / "recordings"

INSERTED = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n\n",
    b"\x00",
    b"\x0b\x0c\x1c\x85",
    b"\xe2\x80\xa8",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[1m",
    b"\x1b[",
    b"\x1b]0;title\x07",
    b"\x1b[K\x1b[A",
    b"\t",
    b"nan",
    b"-inf",
    b"9" * 30,
    b"9" * 500,
    b"1e999",
    b": ",
    b" | ",
    b"-" * 80 + b"\n",
    b"#" * 80 + b"\n",
    b"[rank3]: ",
    b"[default0]:",
    b"Traceback (most recent call last):\n",
    b"ValueError: x\n",
    b"\r 40%|####      | 64/160 [00:00<00:00, 570.95it/s]",
    b"      Learning iteration 3/4 \n",
    b"                Mean reward: nan\n",
    b"                               ETA: 0:00:01\n",
    b"fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/2 frames: 0\n",
    b"-----------------\n| time/fps | 12 |\n-----------------\n",
    b"nefc overflow - please increase njmax to 5\n",
    b"[INFO]: Completed setting up the environment...\n",
    b"W1124 10:00:00.000000 1 torch/distributed/run.py:793] \n",
)
_PREFIXES = (
    b"[rank%d]: ",
    b"[rank%d]:",
    b"[default%d]:",
    b"[default%d]: ",
    b"[rank%d] ",
    b"%d: ",
    b"(worker pid=%d) ",
    b"\x1b[36m[rank%d]:\x1b[0m ",
)
_HOSTILE_NUMBERS = (
    b"nan",
    b"inf",
    b"-inf",
    b"-0",
    b"0",
    b"1e308",
    b"1e-320",
    b"9" * 400,
    b"-9",
    b"",
    b"0x1",
    b"1_0",
)


@cache
def recordings() -> tuple[bytes, ...]:
    """Return every recording."""
    return tuple(path.read_bytes() for path in sorted(RECORDINGS.glob("*/*/*.txt")))


def excerpt(choose: random.Random) -> bytes:
    """Return a recording, or a part of one."""
    data = choose.choice(recordings())
    if choose.random() < 0.5:  # noqa: PLR2004 - every other time
        return data
    begin, end = sorted(choose.randrange(len(data) + 1) for _ in range(2))
    return data[begin:end]


def edited(data: bytes, choose: random.Random) -> bytes:
    """Flip bits, and insert, remove and repeat bytes."""
    text = bytearray(data)
    for _ in range(choose.choice([1, 3, 30])):
        at = choose.randrange(len(text) + 1)
        size = choose.choice([1, 2, 10, 200])
        what = choose.randrange(5)
        if what == 0 and at < len(text):
            text[at] ^= 1 << choose.randrange(8)
        elif what == 1:
            text[at:at] = choose.choice(INSERTED)
        elif what == 2:  # noqa: PLR2004 - the third of five
            del text[at : at + size]
        elif what == 3:  # noqa: PLR2004 - the fourth
            text[at:at] = text[at : at + size]
        else:
            text[at : at + size] = choose.randbytes(size)
    return bytes(text)


def spliced(data: bytes, choose: random.Random) -> bytes:
    """Put another log into the middle."""
    at = choose.randrange(len(data) + 1)
    return data[:at] + excerpt(choose) + data[at:]


def joined(data: bytes, choose: random.Random) -> bytes:
    """Put several runs into one file."""
    return b"".join([data, *(choose.choice([data, excerpt(choose)]) for _ in range(choose.randrange(1, 4)))])


def interleaved(data: bytes, choose: random.Random) -> bytes:
    """Let two processes write to one place, line by line; perhaps with the rank in front."""
    prefixes = choose.choice([None, choose.choice(_PREFIXES)])
    queues = [lines_of(data), lines_of(choose.choice([data, excerpt(choose)]))]
    if prefixes is not None:
        queues = [[prefixes % rank + line for line in queue] for rank, queue in enumerate(queues)]
    burst = choose.choice([1, 3, 20])
    out: list[bytes] = []
    while any(queues):
        queue = choose.choice([queue for queue in queues if queue])
        size = choose.randrange(1, burst + 1)
        out += queue[:size]
        del queue[:size]
    return b"".join(out)


def shuffled(data: bytes, choose: random.Random) -> bytes:
    """Remove, repeat and exchange lines."""
    lines = lines_of(data)
    for _ in range(choose.choice([1, 2, 10])):
        if not lines:
            break
        at, other = choose.randrange(len(lines)), choose.randrange(len(lines))
        what = choose.randrange(4)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines[at:at] = lines[other : other + choose.choice([1, 5])]
        elif what == 2:  # noqa: PLR2004 - the third of four
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = lines[at][: choose.randrange(len(lines[at]) + 1)]
    return b"".join(lines)


def prefixed(data: bytes, choose: random.Random) -> bytes:
    """Put a rank, or indentation, in front of every line."""
    form = choose.choice([*_PREFIXES, b"  ", b"\t", b"2026-11-24 10:00:00 "])
    prefix = form % choose.randrange(10 ** choose.randrange(1, 12)) if b"%d" in form else form
    return b"".join(prefix + line for line in lines_of(data))


def renumbered(data: bytes, choose: random.Random) -> bytes:
    """Print other numbers, some of them hostile."""
    share, hostile = choose.choice([0.1, 1.0]), choose.choice([0.0, 0.2])

    def other(found: re.Match[bytes]) -> bytes:
        if choose.random() > share:
            return found[0]
        if choose.random() < hostile:
            return choose.choice(_HOSTILE_NUMBERS)
        return b"%d" % choose.randrange(10 ** choose.choice([len(found[0]), 1, 3, 12]))

    return re.sub(rb"\d+", other, data)


def recoded(data: bytes, choose: random.Random) -> bytes:
    """Write it as another system would."""
    text = data.decode(errors="replace")
    forms: list[Callable[[], bytes]] = [
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-16-be"),
        lambda: text.encode("utf-8-sig"),
        lambda: text.encode("utf-32"),
        lambda: text.encode("latin-1", errors="replace"),
        lambda: text.encode("cp037", errors="replace"),
        lambda: data.replace(b"\n", b"\r\n"),
        lambda: data.replace(b"\n", b"\r\r\n"),
        lambda: data.replace(b"\n", b"\r"),
        lambda: data.replace(b"\n", b"\n\r"),
        lambda: data.replace(b"\r", b"\n"),
        lambda: data.replace(b"\n", b""),
        lambda: data.replace(b" ", b"\t"),
        lambda: data.replace(b" ", b"\xc2\xa0"),
        lambda: b"\xef\xbb\xbf".join(lines_of(data)),
        lambda: re.sub(rb"\x1b\[[\d;]*m", b"", data),
        lambda: re.sub(rb"(?m)[ \t]+$", b"", data),
    ]
    return choose.choice(forms)()


def troubled(data: bytes, choose: random.Random) -> bytes:
    """Print what goes wrong in other runs: texts of the catalogue of symptoms, alone or as an exception."""
    lines = lines_of(data)
    texts = [symptom.text for symptom in catalogue().values() if symptom.pattern is not None]
    for _ in range(choose.choice([1, 2, 10])):
        text = choose.choice(texts).encode()
        at = choose.randrange(len(lines) + 1)
        trace = b'Traceback (most recent call last):\n  File "train.py", line 3, in <module>\n    main()\n'
        before = choose.choice([b"", b"", b"[rank1]: ", b"[Error] [omni.physx.plugin] ", trace])
        lines[at:at] = [before + text + b"\n"] * choose.choice([1, 1, 1, 50])
    return b"".join(lines)


def stretched(data: bytes, choose: random.Random) -> bytes:
    """Make one line, or one piece of it, very long."""
    at = choose.randrange(len(data) + 1)
    piece = data[at : at + choose.choice([1, 2, 8, 60])] or b" "
    return data[:at] + piece * choose.choice([50, 1000]) + data[at:]


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines with their ends."""
    return data.splitlines(keepends=True)
