"""A table of comma-separated values: a row for each iteration or progress update."""

from __future__ import annotations

import csv
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

from stepscope.logs import COLUMNS, MOST_COLUMNS, row

if TYPE_CHECKING:
    from stepscope.logs import Record

__all__ = ["CsvTable"]

_IN_MEMORY = 1 << 22


class CsvTable:
    """Collects rows and writes them below a header that names every column.

    The labels of a log are known only when all of it was read. Until then the rows wait in a temporary file, so that
    memory does not grow with them.

    Attributes
    ----------
    left_out
        How many numbers have no column, since there are too many labels.

    Parameters
    ----------
    several
        Whether the rows come from several logs: the first column then names the log.
    """

    def __init__(self, *, several: bool = False) -> None:
        names = ("log", *COLUMNS) if several else COLUMNS
        self._several = several
        self._columns = dict.fromkeys(names)
        self.left_out = 0
        self._pending = SpooledTemporaryFile(  # noqa: SIM115 - closed below
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8", errors="surrogatepass", newline=""
        )
        self._writer = csv.writer(self._pending)

    def add(self, record: Record, *, log: str = "") -> None:
        """Take a record; only iterations and progress updates are rows."""
        if record.kind not in ("iteration", "progress"):
            return
        values = row(record)
        if self._several:
            values["log"] = (
                f"./{log}" if log.startswith(("=", "+", "-", "@")) else log
            )  # else it would be a formula
        new = [name for name in values if name not in self._columns]
        free = MOST_COLUMNS - len(self._columns)
        self._columns.update(dict.fromkeys(new[:free]))
        self.left_out += len(new[free:])
        self._writer.writerow([values.get(name) for name in self._columns])

    def close(self) -> None:
        """Drop the rows."""
        self._pending.close()

    def write(self, out: IO[str]) -> None:
        """Write the header and all rows, with an empty cell for what was not printed."""
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self._columns)
        self._pending.seek(0)
        for cells in csv.reader(self._pending):
            writer.writerow([*cells, *[""] * (len(self._columns) - len(cells))])
        self.close()
