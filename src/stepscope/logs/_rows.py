"""Records as rows of a table, for spreadsheets and data frames."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._records import Record

__all__ = ["COLUMNS", "MOST_COLUMNS", "Records", "Value", "frame", "row"]

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
        return self

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
            "a data frame needs pandas, which is not installed; install it with pip install 'stepscope[pandas]'."
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
