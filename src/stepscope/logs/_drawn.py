"""Tracebacks as Rich draws them in a box, and as IPython and Jupyter show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Block, Text
from stepscope.logs._python import library_of_paths
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line

__all__ = ["open_block"]

_TITLE = b"Traceback (most recent call last)"
_BOX = re.compile(r"\s{0,20}[╭┌+][─-]{2,200} Traceback \(most recent call last\) [─-]{2,200}[╮┐+]\s*+")
_IPYTHON = re.compile(r"([A-Za-z_][\w.]{0,200}) {2,80}Traceback \(most recent call last\)\s*+")
_IN_BOX = ("│", "|", "╰", "└", "+", "❱")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?:: |:?\s*$)")
# Lines of source have their number in front, or an arrow; a frame has its file.
_SHOWN = re.compile(r"\s|-{2,}|File |Cell |Input In |<ipython-input|[~/]|[A-Z]:\\|\d|\.{3}|\(\.\.\.\)")
_FRAME = re.compile(r"(?m)^\s{0,20}(?:[│|] |File )?([~/\w<][^\n│|]{0,500}?\.py)(?::\d| in )")


def open_block(line: Line, context: Context) -> Block | None:
    """Return the block that `line` opens, if a drawn traceback begins with it."""
    if _TITLE not in line.text:
        return None
    text = line.text.decode(errors="replace")
    if _BOX.fullmatch(text):
        return _Drawn(line, context.library, name=None)
    if (match := _IPYTHON.fullmatch(text)) is not None:
        return _Drawn(line, context.library, name=match[1])
    return None


class _Drawn(Block):
    """A drawn traceback: its frames, then the line that names the exception."""

    yields = True

    def __init__(self, line: Line, library: str | None, *, name: str | None) -> None:
        self.library = library
        self._name = name  # of the exception, which IPython puts first
        self._text = Text(line.text)
        self._ended = False

    @property
    def may_end(self) -> bool:
        """Whether the line that names the exception has come."""
        return self._ended

    def take(self, line: Line) -> bool:
        """Take a frame, a line of source, or the exception."""
        if self._ended:
            return False
        text = line.text.decode(errors="replace")
        if self._is_exception(text):
            self._ended = True
        elif not self._is_frame(text):
            return False
        self._text.add(line.text)
        return True

    def _is_exception(self, text: str) -> bool:
        if self._name is None:
            return not text.lstrip().startswith(_IN_BOX) and _EXCEPTION.match(text) is not None
        return text.startswith(self._name) and text[len(self._name) :].strip()[:1] in ("", ":")

    def _is_frame(self, text: str) -> bool:
        if self._name is None:
            return not text.strip() or text.lstrip().startswith(_IN_BOX)
        return not text.strip() or _SHOWN.match(text) is not None

    def record(self, span: tuple[int, int]) -> Record:
        """Return the failure."""
        text = str(self._text)
        library = self.library or library_of_paths(_FRAME.findall(text))
        return Record(library=library, kind="failure", text=text, span=span)
