"""Does a library still print what it printed when it was recorded?

Two runs never print the same numbers, so what is compared is the *shape* of the output:
which lines there are, in which order they first appear, with which labels and units,
and in which format each number on them is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["Drift", "LineShape", "drift", "shape"]

_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ABSOLUTE_PATH = re.compile(r"(?<![\w.])(?:/[\w.+-]+){2,}")
_BAR = re.compile(r"\|[█▉▊▋▌▍▎▏ ]*\|")
_RULE = re.compile(r"([-#=])\1{3,}")
_SPACE = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"\d+(?::\d\d)+|(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?|\b(?:nan|inf)\b")

# RSL-RL looks for a git repository around the folder that it is installed in, so this line tells about the machine.
_ABOUT_THE_MACHINE = re.compile(r"^(Could not find git repository in|Storing git diff for) ")


@dataclass(frozen=True)
class LineShape:
    """One kind of line.

    Attributes
    ----------
    text
        The line with every number replaced by ``#``.
    formats
        For each number of the line, the formats in which it was seen, such as ``{".2f"}``.
    times
        How often such a line was printed.
    line_number
        Where it was first printed, counted from 1.
    """

    text: str
    formats: tuple[frozenset[str], ...]
    times: int
    line_number: int


@dataclass(frozen=True)
class Drift:
    """One difference between what is recorded and what is printed now."""

    line_number: int
    recorded: str
    printed: str
    what: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"line {self.line_number}: {self.what}: recorded {self.recorded!r}, printed now {self.printed!r}"


def shape(text: str) -> tuple[LineShape, ...]:
    """Kinds of lines in the order in which each first appears.

    Examples
    --------
    >>> [(line.text, line.times) for line in shape("epoch: 1 loss: 0.12\\nepoch: 2 loss: 0.34\\ndone\\n")]
    [('epoch: # loss: #', 2), ('done', 1)]
    """
    kinds: dict[str, tuple[int, list[list[str]]]] = {}
    for number, line in enumerate(_LINE_ENDS.split(text), start=1):
        skeleton, formats = _skeleton(line)
        if skeleton and not _ABOUT_THE_MACHINE.match(skeleton):
            kinds.setdefault(skeleton, (number, []))[1].append(formats)
    return tuple(
        LineShape(
            text=skeleton,
            formats=tuple(frozenset(column) for column in zip(*rows, strict=True)),
            times=len(rows),
            line_number=number,
        )
        for skeleton, (number, rows) in kinds.items()
    )


def drift(recorded: str, printed: str) -> tuple[Drift, ...]:
    """Differences in shape between a recording and what the same command prints now; empty when there are none.

    A number counts as written in another format only if the recording shows it at least three times,
    always in one format: a number printed to so many significant digits has no fixed count of decimals.
    """
    before, now = shape(recorded), shape(printed)
    return (*_lines_that_differ(before, now), *_formats_that_differ(before, now))


def _skeleton(line: str) -> tuple[str, list[str]]:
    line = _ESCAPE.sub("<esc>", line)
    line = _ABSOLUTE_PATH.sub("<path>", line)
    line = _BAR.sub("|<bar>|", line)
    line = _RULE.sub(r"\1\1\1", line)
    formats = [_format(match.group()) for match in _NUMBER.finditer(line)]
    return _SPACE.sub(" ", _NUMBER.sub("#", line)).strip(), formats


def _format(number: str) -> str:
    """Name the way in which a number is written: ``"d"``, ``".2f"``, ``"e"``, ``"h:mm:ss"``."""
    if ":" in number:
        return "h:mm:ss" if number.count(":") > 1 else "mm:ss"
    if "e" in number:
        return "e"
    if number in ("nan", "inf"):
        return number
    whole, point, decimals = number.partition(".")
    return f".{len(decimals)}f" if point else "d"


def _lines_that_differ(before: tuple[LineShape, ...], now: tuple[LineShape, ...]) -> list[Drift]:
    matcher = SequenceMatcher(a=[line.text for line in before], b=[line.text for line in now], autojunk=False)
    found = []
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone, new = before[start:end], now[other_start:other_end]
        for index in range(max(len(gone), len(new))):
            old_line = gone[index] if index < len(gone) else None
            new_line = new[index] if index < len(new) else None
            found.append(
                Drift(
                    line_number=old_line.line_number if old_line else before[min(start, len(before) - 1)].line_number,
                    recorded=old_line.text if old_line else "",
                    printed=new_line.text if new_line else "",
                    what="the line differs" if old_line and new_line else "a line is missing" if old_line else "a new line",
                )
            )
    return found


def _formats_that_differ(before: tuple[LineShape, ...], now: tuple[LineShape, ...]) -> list[Drift]:
    today = {line.text: line for line in now}
    enough = 3
    found = []
    for line in before:
        other = today.get(line.text)
        if other is None or line.times < enough:
            continue
        for was, is_now in zip(line.formats, other.formats, strict=True):
            if len(was) == 1 and not is_now <= was:
                found.append(
                    Drift(
                        line_number=line.line_number,
                        recorded=line.text,
                        printed=other.text,
                        what=f"a number written as {_one(was)} is now written as {_one(is_now)}",
                    )
                )
    return found


def _one(formats: frozenset[str]) -> str:
    return " or ".join(sorted(formats))
