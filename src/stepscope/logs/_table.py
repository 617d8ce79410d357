"""A log as a table that people read: one row an iteration, every rate under its scope."""

from __future__ import annotations

import warnings
from collections import deque
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stepscope._common.optional import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stepscope.logs._records import Record


__all__ = ["COLUMNS", "ENDS", "MOST_COLUMNS", "Records", "Value", "frame", "row", "table"]

Value = str | float | None

_FPS = ("step", "rollout", "total", "cumulative")
_SECONDS = ("collect", "learn", "iteration", "elapsed", "eta")
_TEXT = ("library", "kind")
_LARGEST = 2**63 - 1
_WHOLE = ("run", "rank", "iteration", "iterations", "env_steps")

COLUMNS = (
    "run",
    "rank",
    *_TEXT,
    "iteration",
    "iterations",
    "env_steps",
    *(f"fps.{scope}" for scope in _FPS),
    *(f"seconds.{part}" for part in _SECONDS),
    "reward",
    "episode_length",
    *(f"derived.{name}" for name in ("fps.total", "env_steps", "seconds.elapsed", "seconds.eta", "cold")),
)
"""Columns that every table has; those of the printed labels follow, in the order in which they were first printed."""


MOST_COLUMNS = 1000
"""As many a table has: with a column for each of very many labels it would grow with their square."""

# A spreadsheet takes what begins like this for a formula.
_FORMULA = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)


class Records:
    """The records of a log, one after the other as they are read; or all of them as a data frame.

    Examples
    --------
    >>> from stepscope.logs import reads
    >>> records = reads("fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/150 frames: 0")
    >>> next(records).fps.rollout
    8
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)

    def __iter__(self) -> Iterator[Record]:
        return self._records

    def __next__(self) -> Record:
        return next(self._records)

    def to_pandas(self) -> Any:  # noqa: ANN401 - pandas may be absent
        """Return a `pandas.DataFrame` of the records that were not yet taken: a row for each iteration or progress update.

        Columns are the fields of a record (``run``, ``iteration``, ``fps.total``, ``seconds.learn``, ``reward``,
        ``derived.fps.total``, …) and every printed label, up to 1,000 columns. A label that is called like a field, or
        that a spreadsheet would take for a formula, gets ``metrics.`` before it. What is counted has the type ``Int64``, all else that is a number ``float64``; what was not
        printed is missing.

        Warns
        -----
        UserWarning
            If there are more labels than columns.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return frame(self)


def row(record: Record) -> dict[str, Value]:
    """Return the values of one iteration or progress update, all of `COLUMNS` first."""
    values: dict[str, Value] = dict.fromkeys(COLUMNS)
    values.update((name, getattr(record, name)) for name in (*_TEXT, *_WHOLE, "reward", "episode_length"))
    values.update((f"fps.{scope}", getattr(record.fps, scope)) for scope in _FPS)
    values.update((f"seconds.{part}", getattr(record.seconds, part)) for part in _SECONDS)
    values.update((f"derived.{name}", value) for name, value in record.derived.items())
    values.update((_column(label), value) for label, value in record.metrics.items())
    return values


def _column(label: str) -> str:
    """Return the column of a printed label; an environment may print one that is called like a field."""
    taken = label in COLUMNS or label.startswith(("derived.", "metrics."))
    return f"metrics.{label}" if taken or label.lstrip().startswith(_FORMULA) else label


def frame(records: Iterable[Record]) -> Any:  # noqa: ANN401 - pandas may be absent
    """Return a data frame of the iterations and progress updates in `records`; see `Records.to_pandas`."""
    try:
        import pandas as pd  # noqa: PLC0415 - reading a log does without it
    except ImportError:
        raise ImportError(
            f"a data frame needs pandas, which is not installed; install it with {install_command('pandas')}."
        ) from None
    columns = _columns(row(record) for record in records if record.kind in ("iteration", "progress"))
    return pd.DataFrame(
        {
            name: values if name in _TEXT else pd.array(values, dtype=_dtype(name, values))
            for name, values in columns.items()
        }
    )


def _dtype(name: str, values: Iterable[Value]) -> str:
    fits = all(value is None or value <= _LARGEST for value in values if not isinstance(value, str))
    return "Int64" if name in _WHOLE and fits else "float64"


def _columns(rows: Iterable[dict[str, Value]]) -> dict[str, list[Value]]:
    """Turn rows into columns; a label that is printed later is missing from the rows before."""
    columns: dict[str, list[Value]] = {name: [] for name in COLUMNS}
    complete = True
    for count, values in enumerate(rows):
        new = [name for name in values if name not in columns]
        room = MOST_COLUMNS - len(columns)
        complete = complete and len(new) <= room
        columns.update((name, [None] * count) for name in new[:room])
        for name, column in columns.items():
            column.append(values.get(name))
    if not complete:
        warnings.warn(
            f"the log has more labels than the {MOST_COLUMNS:,} columns of a data frame; numbers are missing from it",
            stacklevel=4,
        )
    return columns


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
