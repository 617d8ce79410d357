"""Lay out the sections of a view in the space on the screen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope.watch.charts import quantity_rows, rate_row, time_rows
from stepscope.watch.layout import Layout, Section, allocate_rows
from stepscope.watch.widgets import (
    failure_rows,
    field_rows,
    head_rows,
    latest_rows,
    not_printed_rows,
    progress_rows,
    rule,
    warning_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.watch.layout import Glyphs
    from stepscope.watch.view_model import ViewModel

__all__ = ["brief_rows", "full_rows"]

_MARGIN = 1
_NARROWEST = 20
_EMPTY = ("waiting", "starting", "silent")


def full_rows(
    model: ViewModel, *, width: int, height: int, glyphs: Glyphs, still: bool = False
) -> list[Text]:
    """Return at most `height` rows of at most `width` cells.

    The least important goes first where there is little space, and curves grow where there is much.
    A `still` view will not be drawn again, so it has nothing that is meant to move.
    """
    layout = Layout(model, width=max(_NARROWEST, width - 2 * _MARGIN), glyphs=glyphs)
    blocks = allocate_rows(tuple(_sections(layout, still=still)), height)
    gap = [Text()] if sum(map(len, blocks)) + len(blocks) - 1 <= height else []
    rows = [row for index, block in enumerate(blocks) for row in (*gap[: bool(index)], *block)]
    return [_cut(row, layout.width) for row in rows[:height]]


def brief_rows(model: ViewModel, *, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the few rows that are printed below passing text."""
    layout = Layout(model, width=max(_NARROWEST, width - 2 * _MARGIN), glyphs=glyphs)
    rows = [
        rule(layout),
        *list(progress_rows(layout))[:2],
        *(rate_row(layout, rate) for rate in model.rates[-1:]),
        *(row for quantity in model.quantities[:1] for row in quantity_rows(layout, quantity, 1)),
        *warning_rows(layout, 1),
        *failure_rows(layout, 2),
    ]
    return [_cut(row, layout.width) for row in rows[:height]]


def _sections(layout: Layout, *, still: bool) -> Iterator[Section]:
    model = layout.model
    yield _all(list(head_rows(layout)), importance=0)
    yield _all(list(progress_rows(layout)), importance=2)
    if not still and model.phase in _EMPTY and model.progress is None and model.failure is None:
        yield Section(build=partial(field_rows, layout), min=0, preferred=5, max=9, importance=10)
    yield _all([rate_row(layout, rate) for rate in model.rates], importance=4)
    yield _all(list(time_rows(layout)), importance=6)
    for index, quantity in enumerate(model.quantities):
        tallest = 10 if len(quantity.history) > 1 else 1
        build = partial(quantity_rows, layout, quantity)
        yield Section(build=build, min=1, preferred=4 - 2 * index, max=tallest, importance=5 + 2 * index)
    yield _all(not_printed_rows(layout), importance=9)
    kinds = len(model.warnings)
    build = partial(warning_rows, layout)
    yield Section(build=build, min=min(2, kinds), preferred=min(4, kinds), max=min(9, kinds), importance=3)
    if model.failure is None:
        latest = len(model.latest)
        build = partial(latest_rows, layout)
        yield Section(build=build, min=min(1, latest), preferred=3, max=latest, importance=8)
    else:
        frames = len(model.traceback.splitlines())
        build = partial(failure_rows, layout)
        yield Section(build=build, min=3, preferred=7, max=min(20, 4 + frames), importance=1)


def _all(rows: Sequence[Text], *, importance: int) -> Section:
    return Section(build=lambda size: rows[:size], min=len(rows), max=len(rows), importance=importance)


def _cut(row: Text, width: int) -> Text:
    row.truncate(width, overflow="ellipsis")
    return Text(" " * _MARGIN).append_text(row)
