"""Rates as a small table: median, middle half, and the cold first value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.format import DASH, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.runs._rates import Rate

__all__ = ["rate_rows"]

_HEADER = ("median", "middle half", "first, cold", "")


def rate_rows(rates: Sequence[Rate]) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for the header and for each rate; nothing if there are none.

    A rate over the whole run that was only computed from those of its iterations tells nothing more than they do, and
    is left out.
    """
    rows = [_cells(rate) for rate in rates if rate.scope != "cumulative" or not rate.derived]
    if not rows:
        return
    widths = [max(len(row[index]) for row in [_HEADER, *(cells for _, cells in rows)]) for index in range(3)]
    for label, cells in [("rates", _HEADER), *rows]:
        places = "  ".join(cell.rjust(size) for cell, size in zip(cells, widths, strict=False))
        yield label, f"{places}  {cells[3]}".rstrip()


def _cells(rate: Rate) -> tuple[str, tuple[str, str, str, str]]:
    label = "  bar's rate" if rate.scope == "bar" else f"  fps {rate.scope}"
    unit = f"{rate.unit}{', derived' * rate.derived}"
    if rate.scope == "cumulative":
        return label, (format_rate(rate.last), DASH, DASH, f"{unit}, at the end")
    first = DASH if rate.first is None else format_rate(rate.first)
    if rate.warm is None:
        return label, (DASH, DASH, first, unit)
    half = f"{format_rate(rate.warm.low)}{DASH}{format_rate(rate.warm.high)}" if rate.warm.count > 1 else DASH
    return label, (format_rate(rate.warm.median), half, first, unit)
