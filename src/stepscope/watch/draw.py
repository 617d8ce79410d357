"""Bars and curves made of characters; needs nothing but strings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stepscope.watch.trail import resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.watch.palette import Glyphs

__all__ = ["columns", "curve", "progress_bar", "share_bar"]

_DOTS = (
    (0x01, 0x02, 0x04, 0x40),
    (0x08, 0x10, 0x20, 0x80),
)  # bits of a Braille cell: left and right, from the top
_BRAILLE = 0x2800


def columns(values: Sequence[float], *, width: int, glyphs: Glyphs) -> str:
    """Return values as columns from zero to the highest; one that is no number leaves a mark.

    >>> from stepscope.watch.palette import UNICODE
    >>> columns([70, 80, float("nan"), 100], width=4, glyphs=UNICODE)
    '▅▆!▇'
    """
    points = resampled(values, width)
    highest = max((point for point in points if math.isfinite(point)), default=0.0)
    top = len(glyphs.levels) - 2  # the last one would touch the row above
    return "".join(
        glyphs.levels[round(top * max(0.0, point / highest)) if highest > 0 else 0]
        if math.isfinite(point)
        else glyphs.hole
        for point in points
    )


def curve(values: Sequence[float], *, width: int, height: int, glyphs: Glyphs) -> list[str]:
    """Return values as a line of dots, the highest row first; one that is no number leaves a mark below.

    >>> from stepscope.watch.palette import UNICODE
    >>> curve([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, float("nan")], width=6, height=2, glyphs=UNICODE)
    ['⠀⠀⡠⠊⠉⠁', '⡠⠊⠀⠀⠀!']
    """
    across, up = (2, 4) if glyphs.dotted else (1, 1)
    points = resampled(values, across * width)
    levels = _levels(points, most=up * height - 1)
    cells = [[0] * width for _ in range(height)]
    before: int | None = None
    for place, level in enumerate(levels):
        if level is not None:
            for dot in _reach(before, level):
                row, within = divmod(up * height - 1 - dot, up)
                cells[row][place // across] |= _DOTS[place % across][within]
        before = level
    holes = {place // across for place, level in enumerate(levels) if level is None}
    return [
        "".join(
            glyphs.hole if row == height - 1 and column in holes else _cell(bits, glyphs)
            for column, bits in enumerate(line)
        )
        for row, line in enumerate(cells)
    ]


def _levels(points: Sequence[float], *, most: int) -> list[int | None]:
    finite = [point / 2 for point in points if math.isfinite(point)]  # halves: a difference cannot overflow
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    if low == high:  # neither rising nor falling: in the middle
        return [most // 2 if math.isfinite(point) else None for point in points]
    return [
        round(most * ((point / 2 - low) / (high - low))) if math.isfinite(point) else None for point in points
    ]


def _reach(before: int | None, level: int) -> range:
    """Return the dots of one column: from the level of the column before, so that the line has no gap."""
    if before is None or before == level:
        return range(level, level + 1)
    return range(before + 1, level + 1) if before < level else range(level, before)


def _cell(bits: int, glyphs: Glyphs) -> str:
    if glyphs.dotted:
        return chr(_BRAILLE + bits)
    return glyphs.lit if bits else " "


def progress_bar(share: float, *, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """Return what is done and what is ahead.

    >>> from stepscope.watch.palette import UNICODE
    >>> progress_bar(0.5, width=9, glyphs=UNICODE)
    ('━━━━╸', '────')
    """
    halves = int(2 * width * min(1.0, max(0.0, share)))
    done = glyphs.done * (halves // 2) + glyphs.tip * (halves % 2)
    return done, glyphs.ahead * (width - len(done))


def share_bar(shares: Sequence[float], *, width: int) -> list[int]:
    """Return how many cells each share takes of `width`, all of them together.

    >>> share_bar([0.5, 0.25, 0.25], width=10)
    [5, 3, 2]
    """
    ends = [math.floor(width * sum(shares[: index + 1]) + 0.5) for index in range(len(shares))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
