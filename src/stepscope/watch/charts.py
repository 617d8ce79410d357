"""The parts of a view that are numbers: rates, shares of time, rewards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope._common.format import format_number, format_rate
from stepscope.watch.draw import columns, curve, share_bar
from stepscope.watch.layout import UNIT
from stepscope.watch.palette import BAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.watch.layout import Layout
    from stepscope.watch.view_model import Quantity, RateShown

__all__ = ["quantity_rows", "rate_row", "time_rows"]

_CURVE = 2  # points: fewer are no curve
_NARROWEST = 4
_SHORT = {"episode length": "length", "best reward": "best"}


def rate_row(layout: Layout, rate: RateShown) -> Text:
    """Return a rate with its scope, and how it went lately, from zero."""
    label = f"fps {rate.scope}" if layout.wide else rate.scope
    if rate.scope == "bar":
        label = "bar's rate"
    value = f"{layout.glyphs.about if rate.derived else ''}{format_rate(rate.value)}"
    row = layout.labelled(label, value, unit=rate.unit)
    width = layout.width - row.cell_len - 2
    if len(rate.trail) < _CURVE or width < _NARROWEST:
        return row
    shown = columns(rate.trail, width=width, glyphs=layout.glyphs)
    return row.append("  ").append(shown, style=f"dim {layout.accent}")


def time_rows(layout: Layout) -> Iterator[Text]:
    """Yield where the time goes, as a bar and in words."""
    time = layout.shown.time
    if time is None:
        return
    parts = [("rollout", time.collect)]
    if time.step is not None:
        parts = [("stepping", time.step), ("inference", time.inference or 0.0)]
    parts.append(("learning", time.learn))
    gap = "   " if layout.wide else " "
    row = Text.assemble(("time".ljust(layout.label), "dim"))
    said = Text(" " * layout.label if layout.wide else "")
    cells = share_bar([share for _, share in parts], width=layout.width - layout.label)
    for (name, share), size, mark in zip(parts, cells, layout.glyphs.shares, strict=False):
        row.append(mark * size, style=layout.accent)
        said.append(f"{mark} ", style=layout.accent)
        said.append(f"{name} ", style="dim").append(f"{share:.0%}{gap}")
    yield row
    yield said


def quantity_rows(layout: Layout, quantity: Quantity, rows: int) -> list[Text]:
    """Return a quantity, with a curve as high as there are rows."""
    label = quantity.name if layout.wide else _SHORT.get(quantity.name, quantity.name)
    found = [
        layout.labelled(label, format_number(quantity.last), tone="" if math.isfinite(quantity.last) else BAD)
    ]
    if len(quantity.trail) < _CURVE:
        return found
    side = found[0].cell_len + (UNIT if layout.wide else 0)  # below the curves of the rates
    end = found[0].cell_len
    found += [Text.assemble((said.rjust(end), "dim")) for said in quantity.most[: rows - 1]]
    found += [Text() for _ in range(rows - len(found))]
    line = curve(quantity.trail, width=layout.width - side - 2, height=rows, glyphs=layout.glyphs)
    for row, dots in zip(found, line, strict=True):
        row.append(" " * (side + 2 - row.cell_len)).append(dots, style=layout.accent)
    return found
