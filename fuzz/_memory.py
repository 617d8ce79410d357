"""Memory that does not grow with a log, nor with what a program does not keep."""

from __future__ import annotations

import gc
import io
import tracemalloc
from typing import TYPE_CHECKING

from fuzz._tools import Pieces, hold
from stepscope.explain import Explainer
from stepscope.logs import read

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from stepscope.logs import Record

__all__ = ["bounded", "kept_lightly", "peak", "varied"]

_LENGTH = (
    1_200_000  # bytes of the shorter log: more than is read at once, and enough to fill what is remembered
)
_TIMES = 2
_MOST = 400_000  # bytes that may come to be needed meanwhile
_RUN = 5_000  # for each run that came meanwhile


def bounded(data: bytes, choose: random.Random) -> None:
    """Raise if a longer log takes more memory, even if no two of its lines are alike.

    Up to a thousand runs of a log are told apart, and what is known of each is kept.
    """
    at = choose.randrange(len(data) + 1)
    piece = data[at : at + choose.choice([30, 300, 3000])] or b"\n"
    some, more = (b"".join(varied(piece, length)) for length in (_LENGTH, _TIMES * _LENGTH))
    short, few = peak(some)
    long, many = peak(more)
    hold(
        long < short + _MOST + _RUN * (many - few),
        f"{len(some):,} bytes take {short:,} bytes of memory, {len(more):,} take {long:,}",
    )


def varied(piece: bytes, length: int) -> Iterator[bytes]:
    """Yield `piece` again and again, each time with another number behind every word that stands alone."""
    number = 0
    while length > 0:
        one = piece.replace(b"e", b"%d" % number).replace(b": ", b"%d: " % number)
        length -= len(one)
        number += 1
        yield one


def peak(data: bytes) -> tuple[int, int]:
    """Return how much memory reading and explaining take at most, in bytes, when no record is kept; and the runs."""
    gc.collect()
    tracemalloc.start()
    try:
        explainer = Explainer()
        for record in read(Pieces(data, lambda: 1 << 16)):  # type: ignore[arg-type]
            explainer.add(record)
        return tracemalloc.get_traced_memory()[1], len(explainer.summary.runs())
    finally:
        tracemalloc.stop()


def kept_lightly(data: bytes, _: random.Random) -> None:
    """Raise if records that are kept hold much more than themselves, such as all that was read with them."""
    noise = b"".join(b"nothing of interest, line %d of many\n" % number for number in range(5000))
    log = b"".join(part for _ in range(8) for part in (noise, data, b"\n"))
    gc.collect()
    tracemalloc.start()
    try:
        kept = list(_numbered(read(io.BytesIO(log))))
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    size = sum(record.span[1] - record.span[0] for record in kept)
    most = 200_000 + 4000 * len(kept) + 10 * size
    hold(held < most, f"{len(kept)} records of {size:,} bytes hold {held:,} bytes of memory")


def _numbered(records: Iterable[Record]) -> Iterator[Record]:
    return (record for record in records if record.kind == "iteration")
