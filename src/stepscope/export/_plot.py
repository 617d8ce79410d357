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

    from matplotlib.figure import Figure

    from stepscope.logs import Record
    from stepscope.runs import LearningCurve, RunSummary

__all__ = ["LearningPlot", "Plot"]

_SUFFIXES = (".svg", ".png", ".html")


def check_path(path: str | Path, *, suffixes: Sequence[str] = _SUFFIXES) -> Path:
    """Return the path of a figure that can be written.

    Raises
    ------
    BadInputError
        If the suffix is another, if the folder does not exist, or if matplotlib is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        names = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise BadInputError(f"{path} does not end like a figure; give a name that ends in {names}.")
    if path.is_dir() or not path.parent.is_dir():
        raise BadInputError(f"{path} cannot be a file; give a name in a folder that exists.")
    require("matplotlib", extra="plot", what="--plot")
    return path


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as ``.svg`` or ``.png``, on white; the same figure is the same file."""
    suffix = path.suffix.lower()
    out = io.BytesIO()
    metadata = {"Date": None} if suffix == ".svg" else None
    drawn.savefig(out, format=suffix[1:], metadata=metadata, dpi=200, facecolor="white", transparent=False)
    path.write_bytes(out.getvalue())


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
        self.path = check_path(path)
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
        if self.path.suffix.lower() == ".html":
            from stepscope.export._page import format_page  # noqa: PLC0415 - the same

            self.path.write_text(format_page(drawn, summaries, name=name), encoding="utf-8")
            return
        save(drawn, self.path)


class LearningPlot:
    """Draws the learning curves of several runs.

    Attributes
    ----------
    path
        Where the figure goes.

    Parameters
    ----------
    path
        Where the figure goes; its suffix is the format: ``.svg`` or ``.png``.

    Raises
    ------
    BadInputError
        If the suffix is another, if the folder does not exist, or if matplotlib is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = check_path(path, suffixes=(".svg", ".png"))

    def write(self, runs: Sequence[tuple[str, RunSummary, LearningCurve]]) -> None:
        """Write the figure: the mean reward of each run against seconds, and against environment steps.

        Parameters
        ----------
        runs
            Each with its name and its learning curve.

        Raises
        ------
        BadInputError
            If no run has a learning curve.
        OSError
            If the file cannot be written.
        """
        import matplotlib as mpl  # noqa: PLC0415 - optional

        mpl.use("agg")  # no window opens
        from stepscope.export._learning_figure import draw  # noqa: PLC0415 - it imports matplotlib

        drawn = draw(runs)
        if drawn is None:
            raise BadInputError(
                "no LOG holds rewards together with times and environment steps, so there is nothing to draw."
            )
        save(drawn, self.path)
