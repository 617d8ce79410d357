"""The exception in a traceback, and where it was raised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.runs._messages import Place

__all__ = ["Failure", "parse_traceback"]

_HEADER = "Traceback (most recent call last):"
# torchrun and torch name the process before each line.
_PREFIX = re.compile(r"(?m)^(?:\[[^\]\s]{1,40}\]:?[ ]?)+")
_FRAME = re.compile(r'\n\s*File "([^"\n]{1,1000})", line (\d{1,9})(?:, in (\S{1,200}))?')
_FOREIGN = ("site-packages", "dist-packages", "<frozen ", "<string>", "/lib/python3", "/bin/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The first traceback of a run.

    Attributes
    ----------
    text
        The line that names the exception.
    where
        The innermost frame, ``envs/ant.py:12 in step``, and the innermost of the user's own code if that is another;
        empty if none was printed.
    place
        Where it stands.
    """

    text: str
    where: str
    place: Place

    @property
    def interrupted(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return self.text.startswith("KeyboardInterrupt")

    @property
    def title(self) -> str:
        """Its label in a report."""
        return "interrupted" if self.interrupted else "first failure"


def parse_traceback(text: str, place: Place) -> Failure:
    r"""Return the exception of the traceback `text`, and where it was raised.

    >>> from stepscope.runs._messages import Place
    >>> trace = 'Traceback (most recent call last):\n  File "envs/ant.py", line 12, in step\nValueError: bad'
    >>> failure = parse_traceback(trace, Place(byte=0))
    >>> failure.text, failure.where
    ('ValueError: bad', 'envs/ant.py:12 in step')
    """
    text = _PREFIX.sub("", text)
    last = text.rpartition(_HEADER)[2]
    return Failure(text=_exception(last), where=_where(last), place=place)


def _exception(text: str) -> str:
    """Return the line of a traceback that names the exception; more lines of its message may follow."""
    lines = text.strip("\n").split("\n")
    return next((line for line in lines if line[:1].strip()), lines[-1])


def _where(text: str) -> str:
    frames = _FRAME.findall(text)
    if not frames:
        return ""
    own = [frame for frame in frames if not any(folder in frame[0] for folder in _FOREIGN)]
    raised = _frame(*frames[-1])
    return raised if not own or own[-1] == frames[-1] else f"{raised}, called from {_frame(*own[-1])}"


def _frame(path: str, line: str, function: str) -> str:
    short = "/".join(re.split(r"[/\\]", path)[-2:])
    return f"{short}:{line}" + (f" in {function}" if function else "")
