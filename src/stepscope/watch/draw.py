"""Bars and curves made of characters; needs nothing but strings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stepscope.watch.trail import resampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.watch.palette import Glyphs

__all__ = ["chart", "progress_bar", "share_bar"]


def chart(
    values: Sequence[float], *, width: int, height: int, glyphs: Glyphs, low: float = math.inf
) -> list[str]:
    """Return values as columns, the highest row first; one row of height is a sparkline.

    The highest value that is a number stands at the top, and at the bottom the lowest, or `low` if that is lower.
    A value that is no number leaves a mark.

    >>> from stepscope.watch.palette import UNICODE
    >>> chart([0, 1, 2, 3, float("nan")], width=5, height=2, glyphs=UNICODE)
    ['  ▃█!', '▁▆██!']
    """
    points = resampled(values, width)
    finite = [point for point in points if math.isfinite(point)]
    low, high = min([low, *finite], default=0.0), max(finite, default=0.0)
    levels = len(glyphs.levels)
    # All of a flat curve lies in the middle of one row: neither rising nor falling.
    most = levels * height - 1
    heights = [_level(point, low, high, most) for point in points]
    rows = []
    for row in reversed(range(height)):
        cells = (_cell(level, row, glyphs) for level in heights)
        rows.append("".join(cells))
    return rows


def _level(point: float, low: float, high: float, most: int) -> int | None:
    if not math.isfinite(point):
        return None
    share = (point / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0  # halves cannot overflow
    return round(share * most) if high > low else min(3, most)


def _cell(level: int | None, row: int, glyphs: Glyphs) -> str:
    if level is None:
        return glyphs.hole
    within = level - row * len(glyphs.levels)
    return " " if within < 0 else glyphs.levels[min(within, len(glyphs.levels) - 1)]


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
