"""Records of a log as files to download, the same as ``stepscope read`` prints."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from stepscope.export import CsvTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.browser._file import BrowserFile

__all__ = ["write_csv", "write_json"]

_PART = 1 << 20  # characters


def write_json(log: BrowserFile, write: Callable[[str], object], *, num_envs: int | None = None) -> None:
    """Write a line of JSON for each record, in parts of about 1 MB."""
    lines: list[str] = []
    size = 0
    for record in log.records(num_envs=num_envs):
        lines.append(record.to_json() + "\n")
        size += len(lines[-1])
        if size > _PART:
            write("".join(lines))
            lines, size = [], 0
    write("".join(lines))


def write_csv(log: BrowserFile, write: Callable[[str], object], *, num_envs: int | None = None) -> None:
    """Write a row of comma-separated values for each iteration or progress update."""
    table = CsvTable(several=False)
    for record in log.records(num_envs=num_envs):
        table.add(record, log=log.name)
    out = StringIO(newline="")
    table.write(out)
    table.close()
    write(out.getvalue())
