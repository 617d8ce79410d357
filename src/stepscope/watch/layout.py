"""What the parts of a view share: how wide a row is, where its columns stand, and which colour is whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from stepscope.watch.palette import BAD, COLOURS, GOOD, WARN

if TYPE_CHECKING:
    from stepscope.watch.palette import Glyphs
    from stepscope.watch.view_model import Shown

__all__ = ["UNIT", "Layout"]

_WIDE = 66  # below that, labels are short and a line says one thing less
_LABEL, _SHORT_LABEL = 16, 11
_NUMBER, _SHORT_NUMBER = 11, 9
UNIT = 15
_TONES = {"silent": WARN, "failed": BAD, "finished": GOOD, "waiting": WARN}


class Layout:
    """Where things stand in a row.

    Attributes
    ----------
    width
        Cells of a row.
    wide
        Whether there is room for more than the shortest way to say it.
    label
        Cells of the column of labels.
    accent
        The library's colour.
    tone
        The colour of the state that the run is in.
    """

    def __init__(self, shown: Shown, *, width: int, glyphs: Glyphs) -> None:
        self.shown = shown
        self.glyphs = glyphs
        self.width = width
        self.wide = width >= _WIDE
        self.label = _LABEL if self.wide else _SHORT_LABEL
        self.accent = COLOURS.get(shown.library or "", "cyan")
        self.tone = _TONES.get(shown.phase, self.accent)

    def labelled(self, label: str, value: str, *, unit: str = "", tone: str = "") -> Text:
        """Return a row that begins with a label, a number and its unit."""
        number = value.rjust(_NUMBER if self.wide else _SHORT_NUMBER)
        row = Text.assemble((label.ljust(self.label), "dim"), (number, f"bold {tone}"))
        return row.append(f" {unit}".ljust(UNIT), style="dim") if unit else row

    def spread(self, left: Text, *rights: Text, needed: bool = False) -> Text:
        """Return a row with something at each end: of several right ends, the first that fits.

        If none does, there is none; or the left is cut, if the right is `needed`.
        """
        fitting = (right for right in rights if left.cell_len + right.cell_len + 2 <= self.width)
        right = next(fitting, rights[-1] if needed and rights else Text())
        if not right.plain:
            return left
        left.truncate(max(0, self.width - right.cell_len - 2), overflow="ellipsis")
        return left.append(" " * max(0, self.width - left.cell_len - right.cell_len)).append_text(right)
