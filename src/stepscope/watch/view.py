"""Lay out what there is to show, as wide and as high as there is room."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from stepscope.watch.fit import Part, fitted
from stepscope.watch.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.watch.palette import Glyphs
    from stepscope.watch.shown import Shown

__all__ = ["brief", "rows"]

_MARGIN = 1
_LEAST = 20


def rows(shown: Shown, *, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return at most `height` rows of at most `width` cells; what matters least goes first, and curves grow with the room."""
    room = max(_LEAST, width - 2 * _MARGIN)
    pieces = Pieces(shown, width=room, glyphs=glyphs)
    found: list[Text] = []
    parts = fitted(tuple(_parts(shown, pieces)), height)
    gaps = len(parts) - 1 if sum(map(len, parts)) + len(parts) - 1 <= height else 0
    for part in parts:
        found += [Text()] if found and gaps else []
        found += part
    return [_cut(row, room) for row in found[:height]]


def brief(shown: Shown, *, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Return the few rows that stand below text which passes by."""
    room = max(_LEAST, width - 2 * _MARGIN)
    pieces = Pieces(shown, width=room, glyphs=glyphs)
    found = [pieces.rule(), *list(pieces.progress())[:2], *map(pieces.rate, shown.rates[-1:])]
    found += [row for quantity in shown.quantities[:1] for row in pieces.quantity(quantity, 1)]
    found += pieces.warnings(1)
    found += pieces.failure(2)
    return [_cut(row, room) for row in found[:height]]


def _parts(shown: Shown, pieces: Pieces) -> Iterator[Part]:
    yield _all(list(pieces.head()), importance=0)
    yield _all(list(pieces.progress()), importance=2)
    yield _all([pieces.rate(rate) for rate in shown.rates], importance=4)
    yield _all(list(pieces.time()), importance=6)
    for index, quantity in enumerate(shown.quantities):
        yield Part(
            build=partial(pieces.quantity, quantity),
            least=1,
            most=7 if len(quantity.trail) > 1 else 1,
            wants=4 if index == 0 else 1,
            importance=5 + 2 * index,
        )
    yield _all(pieces.silent(), importance=9)
    kinds = len(shown.warnings)
    yield Part(
        build=pieces.warnings, least=min(2, kinds), wants=min(4, kinds), most=min(9, kinds), importance=3
    )
    latest = 0 if shown.failure is not None else len(shown.latest)
    yield Part(
        build=pieces.latest,
        least=min(1, latest),
        wants=3,
        most=latest,
        importance=8,
    )
    if shown.failure is not None:
        frames = len(shown.trace.splitlines())
        yield Part(build=pieces.failure, least=3, wants=7, most=min(20, 4 + frames), importance=1)


def _all(found: Sequence[Text], *, importance: int) -> Part:
    return Part(build=lambda size: found[:size], least=len(found), most=len(found), importance=importance)


def _cut(row: Text, width: int) -> Text:
    row.truncate(width, overflow="ellipsis")
    return Text(" " * _MARGIN).append_text(row)
