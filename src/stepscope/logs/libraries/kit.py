"""How NVIDIA Omniverse's Kit prints, in which Isaac Sim runs: its extensions, PhysX among them, report in single lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Block, Text, message
from stepscope.logs._library import Library
from stepscope.logs._lines import TRACEBACK
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from stepscope.logs._blocks import Context
    from stepscope.logs._lines import Line

__all__ = ["KIT", "is_fatal"]

_KEY = "kit"

# A clock since the start, perhaps the time of day, then a level and the plugin.
_STAMPED = re.compile(
    rb"(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ? )?"
    rb"(?:\[[\d,]{1,12}ms\] \[(Verbose|Info|Warning|Error|Fatal)\] \[|\[[\d.]{1,12}s\] (?:\[ext: |app ready|Simulation App ))"
    rb"|\[(Info|Warning|Error|Fatal)\] \["
)
# After these the state of the simulator is lost, whatever is printed below.
_FATAL = re.compile(
    rb"(?:fail|failed|failure) to (?:launch (?:\w{1,40} )?kernel|allocate (?:\w{1,20} ){0,3}memory)|kernel launch fail"
    rb"|\bcuda (?:driver |runtime )?error\b|CUDA_ERROR_|cudaError|\billegal (?:memory )?(?:address|access)|misaligned address"
    rb"|[Oo]ut of (?:GPU |device |host |video )?memory|ERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY|ERROR_DEVICE_LOST|device (?:is )?lost"
    rb"|GPU crash|[Cc]rash has occurred|[Cc]rash detected|simulation (?:will be|is|was|has been) stopped|[Ss]imulation cannot (?:continue|proceed)"
    rb"|[Cc]uda context manager error|invalid (?:resource handle|device context)|device-side assert|unspecified launch failure"
    rb"|[Ss]egmentation fault"
)
_SOURCE = re.compile(rb", FILE .{1,400}, LINE \d{1,9}\s*")
_AT = b"At:"
_REASONS = b"Reasons for the failure"


def is_fatal(text: bytes) -> bool:
    """Return whether an error of a simulator means that its state is lost."""
    return _FATAL.search(text, 0, 1000) is not None


def _open_block(line: Line, context: Context) -> Block | None:  # noqa: ARG001 - a line tells by itself
    """Return the block that `line` opens, if Kit prints such a line."""
    text = line.text
    match = _STAMPED.match(text) if text.startswith((b"[", b"2")) else None
    if match is None:
        return None
    if match[1] in (b"Error", b"Fatal") or match[2] in (b"Error", b"Fatal") or b"crash" in line.text[:300]:
        return _Error(line)
    return message(line, _KEY)


class _Error(Block):
    """An error, and the lines that continue it: its place in the source, frames of Python, a caught traceback."""

    library = _KEY

    def __init__(self, line: Line) -> None:
        self._text = Text(line.text)
        self._is_fatal = is_fatal(line.text)
        self._announces_traceback = line.text.rstrip().endswith(b"Traceback:")
        self._in_frames = False
        self._over = False

    def take(self, line: Line) -> bool:
        """Take a line that continues the error."""
        if self._over or not self._continues(line.text):
            return False
        self._text.add(line.text)
        return True

    def _continues(self, text: bytes) -> bool:
        if _SOURCE.fullmatch(text) or text.startswith(_REASONS):
            return True
        if text.rstrip() == _AT or (self._announces_traceback and text.startswith(TRACEBACK)):
            self._in_frames = True
            return True
        if not self._in_frames:
            return False
        if text.startswith((b" ", b"\t")):
            return True
        self._in_frames = False
        self._over = True
        return self._announces_traceback and bool(text)  # the exception, in the last line of its traceback

    def record(self, span: tuple[int, int]) -> Record:
        """Return the error: a failure, if the state of the simulator is lost."""
        return Record(
            library=_KEY, kind="failure" if self._is_fatal else "message", text=str(self._text), span=span
        )


KIT = Library(key=_KEY, name="Omniverse Kit", open_block=_open_block, trains=False, colour="#56b4e9")
