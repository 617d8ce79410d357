"""One style for every plot: Okabe and Ito's colours in fixed roles, readable in grey, on a phone, light or dark.

``figure(title=..., x=..., y=...)`` gives axes that answer one question;
the title says the answer, and the axes name what is drawn and its unit.
"""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stepscope.evidence import FOLDER_VARIABLE
from stepscope.logs import LIBRARIES

try:
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.backends import BackendFilter, backend_registry
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
except ModuleNotFoundError:
    # What is measured is recorded on machines with nothing but torch and NumPy as well; a figure is not part of it.
    if not os.environ.get(FOLDER_VARIABLE):
        raise
    mpl = cast("Any", None)  # there is nothing to draw with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "INK", "MUTED", "figure", "for_both_schemes", "for_dark_pages", "save", "show"]

COLOURS = {
    **{library.key: library.colour for library in LIBRARIES if library.colour},
    "fixed": "#7f7f7f",  # what does not grow with the number of environments
    "per_env": "#0072b2",  # what does: the accent
    "failure": "#d55e00",  # vermilion
}
"""Colour of each role, the same in every plot and table."""

INK = "#1f2328"
"""Text, axes and reference lines on a light page."""

MUTED = "#8b949e"
"""Grid and annotations; read on light and on dark pages."""

_DARK = {
    INK: "#e6edf3",
    **{library.colour: library.colour_on_dark for library in LIBRARIES if library.colour_on_dark},
}

_STYLE = {
    "figure.figsize": (6.4, 3.9),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "svg.fonttype": "none",  # real text: it scales on a phone, and can be selected and searched
    "svg.hashsalt": "stepscope",  # the same figure is the same file
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "text.color": INK,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": MUTED,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "legend.frameon": False,
}

_saved = itertools.count(1)


def figure(*, title: str, x: str, y: str, log: str = "") -> tuple[Figure, Axes]:
    """Return a figure in the house's style, and its axes.

    Parameters
    ----------
    title
        The answer, as a sentence.
    x, y
        What the axes show, with the unit: ``"environment steps per second"``.
    log
        Axes with a logarithmic scale: ``""``, ``"x"``, ``"y"`` or ``"xy"``.
    """
    if mpl is None:
        return _Undrawn(), _Undrawn()
    mpl.rcParams.update(_STYLE)
    made, axes = plt.subplots()
    axes.set_title(textwrap.fill(title, 54))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    for name in log:
        axes.set(**{f"{name}scale": "log"})
        axis = getattr(axes, f"{name}axis")
        # 1,000 is read faster than a power of ten, and a decade of two lines needs numbers between them.
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if name == "y" else (1.0,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
    return made, axes


class _Undrawn:
    """Figure, axes and all that they return, where a result is recorded without matplotlib: it draws nothing."""

    def __getattr__(self, name: str) -> _Undrawn:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> _Undrawn:
        return self

    def __getitem__(self, _: object) -> _Undrawn:
        return self

    def __iter__(self) -> Iterator[_Undrawn]:
        return iter(())

    def __mul__(self, _: object) -> _Undrawn:  # a position in the figure
        return self

    __rmul__ = __add__ = __radd__ = __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __mul__


def save(drawn: Figure, path: str | Path) -> None:
    """Write a figure into a file, on white, and close it."""
    drawn.savefig(path, facecolor="white", transparent=False)
    plt.close(drawn)


def show(drawn: Figure) -> None:
    """Show a figure to whoever ran the script: in a window, or as an SVG file where there is no screen.

    The files are named like the script, with a number from the second one on.
    The build of the site takes the figure itself.
    """
    if os.environ.get(FOLDER_VARIABLE):
        return
    if mpl.get_backend().lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE):
        plt.show()
        return
    number = next(_saved)
    path = Path(f"{Path(sys.argv[0]).stem}{f'_{number}' if number > 1 else ''}.svg")
    drawn.savefig(path, facecolor="white", transparent=False)
    print(f"figure saved as {path}")  # noqa: T201 - a script's reader looks for it


def for_dark_pages(svg: str) -> str:
    """Return the same drawing with the colours that sink into a dark page exchanged."""
    for light, dark in _DARK.items():
        svg = svg.replace(light, dark)
    return svg


def for_both_schemes(svg: str) -> str:
    """Return a drawing that exchanges these colours by itself where a page is dark.

    In a page, ``prefers-color-scheme`` is the ``color-scheme`` of the element that shows the drawing, which a reader
    may have chosen for that page alone.

    Examples
    --------
    >>> "prefers-color-scheme: dark" in for_both_schemes("<svg></svg>")
    True
    """
    rules = "".join(
        f'[style*="{name}: {light}"]{{{name}:{dark} !important}}'
        for light, dark in _DARK.items()
        for name in ("fill", "stroke")
    )
    head, end, tail = svg.rpartition("</svg>")
    return f"{head}<style>@media (prefers-color-scheme: dark){{{rules}}}</style>{end}{tail}"
