"""A log as a table that people read: one row an iteration, every rate under its scope."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stepscope.logs._records import Record

__all__ = ["ENDS", "table"]

ENDS = 5
"""Rows that are shown at the beginning, and at the end, of a long log: a screen holds them and the summary."""

_GAP = 3  # rows that are not worth leaving out

_ABSENT = "\N{EN DASH}"
_LARGE = 1e15  # nothing is counted or timed that far, and its digits would fill the screen
_MEASURED = 1000  # rows that decide about columns and widths when all rows are shown


class _Column(NamedTuple):
    name: str
    unit: str
    cell: Callable[[Record], str]


def table(records: Iterable[Record], *, everything: bool = False) -> Iterator[str]:
    """Yield the lines of a table of the iterations and progress updates in `records`; none if there are none.

    A column in which nothing was printed is left out, and so is the middle of a long log unless `everything` is
    wanted. Memory does not grow with the log.
    """
    rows = (record for record in records if record.kind in ("iteration", "progress"))
    head = list(islice(rows, _MEASURED if everything else ENDS))
    if not head:
        return
    tail: deque[Record] = deque(maxlen=ENDS + _GAP)
    omitted = 0
    if not everything:
        for row in rows:
            omitted += len(tail) == tail.maxlen
            tail.append(row)
    if omitted:
        omitted += _GAP
        tail = deque(tail, maxlen=ENDS)
    shown = [*head, *tail]
    columns = [column for column in _COLUMNS if any(column.cell(record) != _ABSENT for record in shown)]
    if all(record.run == 1 for record in shown):
        columns = [column for column in columns if column.name != "run"]
    widths = [_width(column, shown) for column in columns]
    yield _line([column.name for column in columns], widths)
    yield _line([column.unit for column in columns], widths)
    yield "  ".join("─" * width for width in widths)
    for record in chain(head, rows):
        yield _line([column.cell(record) for column in columns], widths)
    if omitted:
        yield f"… {omitted:,} more; --all shows them"
    for record in tail:
        yield _line([column.cell(record) for column in columns], widths)


def _width(column: _Column, records: Sequence[Record]) -> int:
    return max(len(column.name), len(column.unit), *(len(column.cell(record)) for record in records))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _counter(record: Record, kind: str) -> str:
    if record.kind != kind or record.iteration is None:
        return _ABSENT
    return f"{record.iteration}" if record.iterations is None else f"{record.iteration}/{record.iterations}"


def _count(value: float | None) -> str:
    if value is None:
        return _ABSENT
    return f"{value:,.0f}" if abs(value) < _LARGE else f"{value:.4g}"


def _decimal(value: float | None) -> str:
    if value is None:
        return _ABSENT
    ordinary = value == 0 or 0.01 <= abs(value) < 1e6  # noqa: PLR2004 - what two decimals can show
    return f"{value:,.2f}" if ordinary else f"{value:.3g}"


def _short(value: float | None) -> str:
    if value is None:
        return _ABSENT
    return f"{value:.3f}" if abs(value) < _LARGE else f"{value:.4g}"


def _clock(value: float | None) -> str:
    try:
        return _ABSENT if value is None else str(timedelta(seconds=int(value)))
    except (ValueError, OverflowError):  # not a number, or longer than Python can tell
        return f"{value} s"


def _bar_rate(record: Record) -> str:
    if record.kind == "progress":
        for unit in ("it/s", "s/it"):
            if unit in record.metrics:
                return f"{_decimal(record.metrics[unit])} {unit}"
    return _ABSENT


def _derived(record: Record, name: str) -> str:
    return _count(record.derived.get(name)) if record.derived else _ABSENT


_COLUMNS = (
    _Column("run", "", lambda record: f"{record.run}"),
    _Column("rank", "", lambda record: _ABSENT if record.rank is None else f"{record.rank}"),
    _Column("iteration", "", lambda record: _counter(record, "iteration")),
    _Column("vector step", "", lambda record: _counter(record, "progress")),
    _Column("env steps", "", lambda record: _count(record.env_steps)),
    _Column("fps step", "env steps/s", lambda record: _count(record.fps.step)),
    _Column("fps rollout", "env steps/s", lambda record: _count(record.fps.rollout)),
    _Column("fps total", "env steps/s", lambda record: _count(record.fps.total)),
    _Column("fps total", "derived", lambda record: _derived(record, "fps.total")),
    _Column("fps cumulative", "env steps/s", lambda record: _count(record.fps.cumulative)),
    _Column("bar's rate", "", _bar_rate),
    _Column("reward", "", lambda record: _decimal(record.reward)),
    _Column("ep. length", "steps", lambda record: _decimal(record.episode_length)),
    _Column("collect", "s", lambda record: _short(record.seconds.collect)),
    _Column("learn", "s", lambda record: _short(record.seconds.learn)),
    _Column("elapsed", "h:mm:ss", lambda record: _clock(record.seconds.elapsed)),
    _Column("eta", "h:mm:ss", lambda record: _clock(record.seconds.eta)),
)
