"""Layout of a view: columns of a row, colours and characters, and how the rows of a screen are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from stepscope.logs import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.watch.view_model import ViewModel

__all__ = [
    "ASCII",
    "BAD",
    "COLOURS",
    "GOOD",
    "UNICODE",
    "UNIT",
    "WARN",
    "Glyphs",
    "Layout",
    "Section",
    "allocate_rows",
    "glyphs_for",
]

COLOURS = {library.key: library.colour_on_dark or library.colour for library in LIBRARIES if library.colour}
"""Colour of each library."""

BAD = "#d55e00"
"""A failure."""
WARN = "yellow"
GOOD = "green"


@dataclass(frozen=True, kw_only=True, slots=True)
class Glyphs:
    """Characters to draw with.

    Attributes
    ----------
    levels
        Eighths of a cell, from low to high.
    done, tip, ahead
        Parts of a progress bar.
    shares
        Marks of three shares, as `stepscope read` has them.
    dot, lit
        The motif: environments, and the one that matters.
    edge
        Stands before a failure.
    hole
        A value that is not a number.
    times, about
        Signs within a line.
    dotted
        Whether curves are made of the dots of Braille.
    """

    levels: str
    done: str
    tip: str
    ahead: str
    shares: str
    dot: str
    lit: str
    edge: str
    hole: str
    times: str
    about: str
    dotted: bool


UNICODE = Glyphs(
    levels="▁▂▃▄▅▆▇█",
    done="━",
    tip="╸",
    ahead="─",
    shares="█▓░",
    dot="·",
    lit="●",
    edge="┃",
    hole="!",
    times="\N{MULTIPLICATION SIGN}",
    about="≈",
    dotted=True,
)
ASCII = Glyphs(
    levels="_.,-=+*#",
    done="=",
    tip=">",
    ahead="-",
    shares="#=.",
    dot=".",
    lit="o",
    edge="|",
    hole="!",
    times="x",
    about="~",
    dotted=False,
)


def glyphs_for(file: TextIO) -> Glyphs:
    """Return the characters that `file` can show."""
    try:
        f"{UNICODE.levels}{UNICODE.done}{UNICODE.shares}{UNICODE.lit}\u28ff".encode(file.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


_WIDE = 66  # below that, labels are short and a row has one item less
_LABEL, _SHORT_LABEL = 16, 11
_NUMBER, _SHORT_NUMBER = 11, 9
UNIT = 15
_GAPS = 7.5  # importance of the rows between sections
_PHASE_STYLES = {"silent": WARN, "failed": BAD, "finished": GOOD, "waiting": WARN}


class Layout:
    """Columns and colours of a row.

    Attributes
    ----------
    width
        Cells of a row.
    wide
        Whether rows have space for more than the shortest labels.
    label
        Cells of the column of labels.
    accent
        The library's colour.
    phase_style
        The colour of the state of the run.
    """

    def __init__(self, model: ViewModel, *, width: int, glyphs: Glyphs) -> None:
        self.model = model
        self.glyphs = glyphs
        self.width = width
        self.wide = width >= _WIDE
        self.label = _LABEL if self.wide else _SHORT_LABEL
        self.accent = COLOURS.get(model.library or "", "cyan")
        self.phase_style = _PHASE_STYLES.get(model.phase, self.accent)

    def labelled(self, label: str, value: str, *, unit: str = "", style: str = "") -> Text:
        """Return a row that begins with a label, a number and its unit."""
        number = value.rjust(_NUMBER if self.wide else _SHORT_NUMBER)
        row = Text.assemble((label.ljust(self.label), "dim"), (number, f"bold {style}"))
        return row.append(f" {unit}".ljust(UNIT), style="dim") if unit else row

    def spread(self, left: Text, *rights: Text, required: bool = False) -> Text:
        """Return a row with something at each end: of several right ends, the first that fits.

        If none does, there is none; or the left is cut, if the right is `required`.
        """
        fitting = (right for right in rights if left.cell_len + right.cell_len + 2 <= self.width)
        right = next(fitting, rights[-1] if required and rights else Text())
        if not right.plain:
            return left
        left.truncate(max(0, self.width - right.cell_len - 2), overflow="ellipsis")
        return left.append(" " * max(0, self.width - left.cell_len - right.cell_len)).append_text(right)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Rows that belong together.

    Attributes
    ----------
    build
        Returns at most as many rows as it is asked for.
    min, max
        How many make sense.
    preferred
        Rows that it should have before another section gets more than its own preference.
    importance
        From 0, which goes last when there is no space.
    """

    build: Callable[[int], Sequence[Text]]
    min: int
    max: int
    importance: int
    preferred: int = 0


def allocate_rows(sections: Sequence[Section], height: int) -> list[list[Text]]:
    """Return the rows of each section that finds space within `height`, with one row left between two of them.

    If there is no space for all, the least important goes first; the gaps matter more than some sections.
    """
    sections = [section for section in sections if section.max > 0]
    sizes = {index: section.min for index, section in enumerate(sections)}
    gaps = True
    while (spare := height - sum(sizes.values()) - gaps * (len(sizes) - 1)) < 0 and len(sizes) > 1:
        last = max(sizes, key=lambda index: sections[index].importance)
        if gaps and sections[last].importance < _GAPS:
            gaps = False
        else:
            del sizes[last]
    order = sorted(sizes, key=lambda index: sections[index].importance)
    preferred = [min(section.preferred, section.max) for section in sections]
    for limits in (preferred, [section.max for section in sections]):
        for index in order:
            more = max(0, min(spare, limits[index] - sizes[index]))
            sizes[index] += more
            spare -= more
    return [list(sections[index].build(size))[:size] for index, size in sizes.items()]
