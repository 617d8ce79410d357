"""A figure of a run as a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope._common.optional import require
from stepscope.errors import BadInputError
from stepscope.export._series import MOST_RUNS, RunSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.logs import Record
    from stepscope.runs import RunSummary

__all__ = ["Plot"]

_SUFFIXES = (".svg", ".png", ".html")


class Plot:
    """Collects the curves of a log, and draws them.

    Attributes
    ----------
    path
        Where the figure goes.

    Parameters
    ----------
    path
        Where the figure goes; its suffix is the format: ``.svg``, ``.png`` or ``.html``, a page by itself for
        light and dark screens.

    Raises
    ------
    BadInputError
        If the suffix is another, if the folder does not exist, or if matplotlib is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _SUFFIXES:
            suffixes = f"{', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}"
            raise BadInputError(
                f"{self.path} does not end like a figure; give a name that ends in {suffixes}."
            )
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise BadInputError(f"{self.path} cannot be a file; give a name in a folder that exists.")
        require("matplotlib", extra="plot", what="--plot")
        self._runs: dict[int, RunSeries] = {}

    def add(self, record: Record) -> None:
        """Take a record."""
        series = self._runs.get(record.run)
        if series is None:
            if len(self._runs) == MOST_RUNS:
                return
            series = self._runs[record.run] = RunSeries()
        series.add(record)

    def write(self, summaries: Sequence[RunSummary], *, name: str) -> None:
        """Write the figure.

        Parameters
        ----------
        summaries
            Summaries of the runs, in the same order.
        name
            Name of the log.

        Raises
        ------
        BadInputError
            If the log holds nothing to draw.
        OSError
            If the file cannot be written.
        """
        import matplotlib as mpl  # noqa: PLC0415 - optional

        mpl.use("agg")  # no window opens
        from stepscope.export._figure import draw  # noqa: PLC0415 - it imports matplotlib

        by_run = {summary.run: summary for summary in summaries}
        drawn = draw([*self._runs.values()], [by_run[run] for run in self._runs])
        if drawn is None:
            raise BadInputError(f"{name} holds neither rates nor rewards, so there is nothing to draw.")
        suffix = self.path.suffix.lower()
        if suffix == ".html":
            from stepscope.export._page import format_page  # noqa: PLC0415 - the same

            self.path.write_text(format_page(drawn, summaries, name=name), encoding="utf-8")
            return
        out = io.BytesIO()
        metadata = {"Date": None} if suffix == ".svg" else None  # the same figure is the same file
        drawn.savefig(
            out, format=suffix[1:], metadata=metadata, dpi=200, facecolor="white", transparent=False
        )
        self.path.write_bytes(out.getvalue())
