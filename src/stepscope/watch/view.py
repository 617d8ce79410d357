"""Lay out what there is to show, as wide and as high as there is room."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope.watch.charts import quantity_rows, rate_row, time_rows
from stepscope.watch.fit import Part, fitted
from stepscope.watch.layout import Layout
from stepscope.watch.widgets import (
    failure_rows,
    field_rows,
    head_rows,
    latest_rows,
    progress_rows,
    rule,
    silent_rows,
    warning_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.watch.palette import Glyphs
    from stepscope.watch.view_model import Shown

__all__ = ["brief", "rows"]

_MARGIN = 1
_LEAST = 20
_EMPTY = ("waiting", "starting", "silent")


def rows(shown: Shown, *, width: int, height: int, glyphs: Glyphs, still: bool = False) -> list[Text]:
    """Return at most `height` rows of at most `width` cells.

    What matters least goes first where there is little room, and curves grow where there is much.
    A `still` view stays as it is, so it has nothing that is meant to move.
    """
    layout = Layout(shown, width=max(_LEAST, width - 2 * _MARGIN), glyphs=glyphs)
    parts = fitted(tuple(_parts(layout, still=still)), height)
    gap = [Text()] if sum(map(len, parts)) + len(parts) - 1 <= height else []
    found = [row for index, part in enumerate(parts) for row in (*gap[: bool(index)], *part)]
    return [_cut(row, layout.width) for row in found[:height]]


def brief(shown: Shown, *, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the few rows that stand below text which passes by."""
    layout = Layout(shown, width=max(_LEAST, width - 2 * _MARGIN), glyphs=glyphs)
    found = [
        rule(layout),
        *list(progress_rows(layout))[:2],
        *(rate_row(layout, rate) for rate in shown.rates[-1:]),
        *(row for quantity in shown.quantities[:1] for row in quantity_rows(layout, quantity, 1)),
        *warning_rows(layout, 1),
        *failure_rows(layout, 2),
    ]
    return [_cut(row, layout.width) for row in found[:height]]


def _parts(layout: Layout, *, still: bool) -> Iterator[Part]:
    shown = layout.shown
    yield _all(list(head_rows(layout)), importance=0)
    yield _all(list(progress_rows(layout)), importance=2)
    if not still and shown.phase in _EMPTY and shown.progress is None and shown.failure is None:
        yield Part(build=partial(field_rows, layout), least=0, wants=5, most=9, importance=10)
    yield _all([rate_row(layout, rate) for rate in shown.rates], importance=4)
    yield _all(list(time_rows(layout)), importance=6)
    for index, quantity in enumerate(shown.quantities):
        most = 10 if len(quantity.trail) > 1 else 1
        build = partial(quantity_rows, layout, quantity)
        yield Part(build=build, least=1, wants=4 - 2 * index, most=most, importance=5 + 2 * index)
    yield _all(silent_rows(layout), importance=9)
    kinds = len(shown.warnings)
    build = partial(warning_rows, layout)
    yield Part(build=build, least=min(2, kinds), wants=min(4, kinds), most=min(9, kinds), importance=3)
    if shown.failure is None:
        latest = len(shown.latest)
        build = partial(latest_rows, layout)
        yield Part(build=build, least=min(1, latest), wants=3, most=latest, importance=8)
    else:
        frames = len(shown.trace.splitlines())
        build = partial(failure_rows, layout)
        yield Part(build=build, least=3, wants=7, most=min(20, 4 + frames), importance=1)


def _all(found: Sequence[Text], *, importance: int) -> Part:
    return Part(build=lambda size: found[:size], least=len(found), most=len(found), importance=importance)


def _cut(row: Text, width: int) -> Text:
    row.truncate(width, overflow="ellipsis")
    return Text(" " * _MARGIN).append_text(row)
