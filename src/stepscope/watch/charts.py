"""Charts made of characters: rates, shares of time, rewards, progress."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope._common.format import format_number, format_rate, share_widths
from stepscope.runs import scope_label
from stepscope.watch.layout import BAD, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.watch.layout import Glyphs, Layout
    from stepscope.watch.view_model import Quantity, RateView

__all__ = ["columns", "curve", "progress_bar", "quantity_rows", "rate_row", "resample", "time_rows"]

_CURVE = 2  # points: fewer are no curve
_NARROWEST = 4
_SHORT = {"episode length": "length", "best reward": "best"}
_DOTS = (
    (0x01, 0x02, 0x04, 0x40),
    (0x08, 0x10, 0x20, 0x80),
)  # bits of a Braille cell: left and right, from the top
_BRAILLE = 0x2800


def rate_row(layout: Layout, rate: RateView) -> Text:
    """Return a rate with its scope, and a chart of its latest values, from zero."""
    label = scope_label(rate.scope) if layout.wide or rate.scope == "bar" else rate.scope
    value = f"{layout.glyphs.about if rate.derived else ''}{format_rate(rate.value)}"
    row = layout.labelled(label, value, unit=rate.unit)
    width = layout.width - row.cell_len - 2
    if len(rate.history) < _CURVE or width < _NARROWEST:
        return row
    chart = columns(rate.history, width=width, glyphs=layout.glyphs)
    return row.append("  ").append(chart, style=f"dim {layout.accent}")


def time_rows(layout: Layout) -> Iterator[Text]:
    """Yield the shares of time, as a bar and as percentages."""
    if layout.model.time is None:
        return
    parts = layout.model.time.parts()
    gap = "   " if layout.wide else " "
    bar = Text.assemble(("time".ljust(layout.label), "dim"))
    legend = Text(" " * layout.label if layout.wide else "")
    widths = share_widths([share for _, share in parts], width=layout.width - layout.label)
    for (name, share), width, mark in zip(parts, widths, layout.glyphs.shares, strict=False):
        bar.append(mark * width, style=layout.accent)
        legend.append(f"{mark} ", style=layout.accent)
        legend.append(f"{name} ", style="dim").append(f"{share:.0%}{gap}")
    yield bar
    yield legend


def quantity_rows(layout: Layout, quantity: Quantity, height: int) -> list[Text]:
    """Return a quantity, with a curve of that height."""
    label = quantity.name if layout.wide else _SHORT.get(quantity.name, quantity.name)
    style = "" if math.isfinite(quantity.last) else BAD
    rows = [layout.labelled(label, format_number(quantity.last), style=style)]
    if len(quantity.history) < _CURVE:
        return rows
    end = rows[0].cell_len
    side = end + (UNIT if layout.wide else 0)  # below the charts of the rates
    rows += [Text.assemble((text.rjust(end), "dim")) for text in quantity.maximum[: height - 1]]
    rows += [Text() for _ in range(height - len(rows))]
    line = curve(quantity.history, width=layout.width - side - 2, height=height, glyphs=layout.glyphs)
    for row, dots in zip(rows, line, strict=True):
        row.append(" " * (side + 2 - row.cell_len)).append(dots, style=layout.accent)
    return rows


def columns(values: Sequence[float], *, width: int, glyphs: Glyphs) -> str:
    """Return values as columns from zero to the highest; one that is not a number leaves a mark.

    >>> from stepscope.watch.layout import UNICODE
    >>> columns([70, 80, float("nan"), 100], width=4, glyphs=UNICODE)
    '▅▆!▇'
    """
    points = resample(values, width)
    highest = max((point for point in points if math.isfinite(point)), default=0.0)
    top = len(glyphs.levels) - 2  # the last one would touch the row above
    return "".join(
        glyphs.levels[round(top * max(0.0, point / highest)) if highest > 0 else 0]
        if math.isfinite(point)
        else glyphs.hole
        for point in points
    )


def curve(values: Sequence[float], *, width: int, height: int, glyphs: Glyphs) -> list[str]:
    """Return values as a line of dots, the highest row first; one that is not a number leaves a mark below.

    >>> from stepscope.watch.layout import UNICODE
    >>> curve([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, float("nan")], width=6, height=2, glyphs=UNICODE)
    ['⠀⠀⡠⠊⠉⠁', '⡠⠊⠀⠀⠀!']
    """
    across, up = (2, 4) if glyphs.dotted else (1, 1)
    points = resample(values, across * width)
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

    >>> from stepscope.watch.layout import UNICODE
    >>> progress_bar(0.5, width=9, glyphs=UNICODE)
    ('━━━━╸', '────')
    """
    halves = int(2 * width * min(1.0, max(0.0, share)))
    done = glyphs.done * (halves // 2) + glyphs.tip * (halves % 2)
    return done, glyphs.ahead * (width - len(done))


def resample(values: Sequence[float], size: int) -> list[float]:
    """Return `size` values: means of as many equal parts, or points between where there are fewer values.

    >>> resample([1, 3, 5, 7], 2), resample([1, 3], 3)
    ([2.0, 6.0], [1.0, 2.0, 3.0])
    """
    if len(values) <= size:
        return [_interpolate(values, (len(values) - 1) * index / max(1, size - 1)) for index in range(size)]
    ends = [round(part * len(values) / size) for part in range(size + 1)]
    parts = [values[start:end] for start, end in pairwise(ends)]
    return [sum(value / len(part) for value in part) for part in parts]


def _interpolate(values: Sequence[float], place: float) -> float:
    index = int(place)
    first, following = values[index], values[min(index + 1, len(values) - 1)]
    return float(first) if place == index else first + (following - first) * (place - index)
