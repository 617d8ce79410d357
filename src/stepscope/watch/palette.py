"""Colours and characters of a view on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from stepscope.logs import LIBRARIES

__all__ = ["ASCII", "BAD", "COLOURS", "GOOD", "UNICODE", "WARN", "Glyphs", "glyphs_for"]

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
