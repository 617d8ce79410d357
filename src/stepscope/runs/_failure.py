"""The exception in a traceback, and where it was raised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope._common.exit_status import describe_exit

if TYPE_CHECKING:
    from stepscope.runs._messages import Place

__all__ = ["Failure", "parse_traceback"]

_HEADER = "Traceback (most recent call last):"
# torchrun and torch name the process before each line.
_PREFIX = re.compile(r"(?m)^(?:\[[^\]\s]{1,40}\]:?[ ]?)+")
_FRAME = re.compile(r'\n\s*(?:> )?File "([^"\n]{1,1000})", line (\d{1,9})(?:, in (\S{1,200}))?')
_OF_A_FRAME = ('> File "', "<module>")  # marked by Loguru; folded
# As Rich draws them in a box, and as IPython shows them.
_DRAWN = re.compile(
    r"[─-]{2} Traceback \(most recent call last\) [─-]{2}|^\S+ +Traceback \(most recent call last\)\s*$"
)
_DRAWN_FRAME = re.compile(
    r"(?m)^\s*(?:[│|] |File )?([~/\w<][^\n│|]{0,500}?\.py):(\d{1,9}),? in (?:<[^>\n]{1,80}>)?([\w<>.]{1,200})?"
)
_FIRST_LINE = 400
_THREAD = "Exception in thread "
_CUT_OFF = "the traceback is cut off before its exception"
_THROWN = re.compile(
    r"terminat\w{1,5} (?:called after throwing an instance of|due to uncaught exception of type|with uncaught exception of type) '?([^'\s]{1,200})"
)
_WHAT = re.compile(r"what\(\):\s+(.{1,400})")
_ROOT_CAUSE = re.compile(
    r"Root Cause \(first observed failure\):(?:.|\n){1,400}?rank\s+: (\d{1,6})(?:.|\n){1,200}?exitcode\s+: (-?\d{1,4})"
)
_EXIT_CODE = re.compile(r"(?:exited with code|exit ?code:?) (-?\d{1,3})\b")
_RANK = re.compile(r"local_rank: (\d{1,6})")
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
    in_thread
        Whether it ended another thread than that of the training.
    """

    text: str
    where: str
    place: Place
    in_thread: bool = False

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
    _, header, last = text.rpartition(_HEADER)
    if not header and _DRAWN.search(text[:_FIRST_LINE].partition("\n")[0]) is not None:
        return Failure(text=_drawn_exception(text), where=_where(text, _DRAWN_FRAME), place=place)
    if not header:
        return Failure(text=_report_of_death(text), where=_where(_current_thread(text)), place=place)
    if (root := _ROOT_CAUSE.search(last)) is not None:
        fate = describe_exit(int(root[2]))
        return Failure(text=f"rank {root[1]} {fate}, as torchrun reports", where="", place=place)
    in_thread = text.startswith(_THREAD)
    return Failure(text=_exception(last), where=_where(last), place=place, in_thread=in_thread)


def _exception(text: str) -> str:
    """Return the line of a traceback that names the exception; more lines of its message may follow."""
    lines = text.strip("\n").split("\n")
    return next((line for line in lines if line[:1].strip() and not line.startswith(_OF_A_FRAME)), _CUT_OFF)


def _report_of_death(text: str) -> str:
    """Return what is said of a process that died without a traceback, on one line."""
    first, _, rest = text.strip("\n").partition("\n")
    if (thrown := _THROWN.search(first)) is not None:
        what = _WHAT.search(rest)
        return f"{thrown[1]}: {what[1]}" if what is not None else thrown[1]
    if (exit_code := _EXIT_CODE.search(first)) is not None:
        rank = _RANK.search(first)
        fate = describe_exit(int(exit_code[1]))
        return f"{'' if rank is None else f'rank {rank[1]} '}{fate}: {first}"
    return first


def _current_thread(text: str) -> str:
    """Return the frames of the thread in which a process died, the innermost last."""
    _, header, frames = text.rpartition("Current thread 0x")
    lines = frames.partition("\n\n")[0].split("\n")[1:] if header else text.split("\n")[1:]
    return "\n" + "\n".join(reversed([line for line in lines if line.startswith("  File ")]))


def _drawn_exception(text: str) -> str:
    """Return the line that names the exception below the box of Rich, or below the frames of IPython."""
    last = text.rstrip().rpartition("\n")[2]
    return last if re.match(r"[A-Za-z_][\w.]*(?::|$)", last) and "Traceback (most" not in last else _CUT_OFF


def _where(text: str, frame: re.Pattern[str] = _FRAME) -> str:
    frames = frame.findall(text)
    if not frames:
        return ""
    own = [frame for frame in frames if not any(folder in frame[0] for folder in _FOREIGN)]
    raised = _frame(*frames[-1])
    return raised if not own or own[-1] == frames[-1] else f"{raised}, called from {_frame(*own[-1])}"


def _frame(path: str, line: str, function: str) -> str:
    short = "/".join(re.split(r"[/\\]", path)[-2:])
    return f"{short}:{line}" + (f" in {function}" if function else "")
