"""Tell whether a library still prints what it printed when it was recorded.

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
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_BAR = re.compile(r"%\|[^|]*\|")
# Rich draws what is done and what is left in two colours, and half a cell between them.
_RICH_BAR = re.compile(r"[━╸╺](?:[━╸╺]|<esc>)*")
_RULE = re.compile(r"([-#=])\1{3,}")
_SPACE = re.compile(r"[ \t]+")
# A minus sign behind a letter or digit is a hyphen, as in a date. NumPy writes a whole number in brackets as "21.".
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]])-)?(?:\d+(?::\d\d)+|(?:\d+(?:\.\d+|\.(?=[\]_]))?|\.\d+)(?:e[-+]?\d+)?|\b(?:nan|inf)\b)"
)

# The format of a number that could have been written in several.
_ANY = ""

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
        For each number of the line, the formats in which it was seen: ``d`` or ``.2f``, ``full`` for all the
        digits that it has, ``mm:ss`` or ``h:mm:ss``; in a table ``whole``, ``rounded`` or ``full``. One that
        could be several of these has none.
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
        return (
            f"line {self.line_number}: {self.what}: recorded {self.recorded!r}, printed now {self.printed!r}"
        )


def shape(text: str) -> tuple[LineShape, ...]:
    r"""Return the kinds of lines in the order in which each first appears.

    Examples
    --------
    >>> [(line.text, line.times) for line in shape("epoch: 1 loss: 0.12\nepoch: 2 loss: 0.34\ndone\n")]
    [('epoch: # loss: #', 2), ('done', 1)]
    """
    kinds: dict[str, tuple[int, list[list[str]]]] = {}
    inside = False
    for number, line in enumerate(_LINE_ENDS.split(text), start=1):
        # The frames of a traceback tell about Python and about every package in between; its last line counts.
        if inside and line.startswith((" ", "\t")):
            continue
        inside = line.startswith("Traceback (most recent call last):")
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
    """Return the differences in shape between a recording and what the same command prints now; empty when there are none.

    A number counts as written in another format only if both show it at least three times, and the recording
    always in one format. Signs, column widths, how often a line is printed and which machine it was do not count.
    """
    before, now = shape(recorded), shape(printed)
    return (*_lines_that_differ(before, now), *_formats_that_differ(before, now))


def _skeleton(line: str) -> tuple[str, list[str]]:
    line = _ESCAPE.sub("<esc>", line)
    line = _ABSOLUTE_PATH.sub("<path>", line)
    line = _ADDRESS.sub("<address>", line)
    if _RICH_BAR.search(line):
        line = _without_time(line)
    line = _BAR.sub("%|<bar>|", line)
    line = _RULE.sub(r"\1\1\1", line)
    name = _format_in_table if line.startswith("| ") else _format
    formats = [name(number.removeprefix("-")) for number in _NUMBER.findall(line)]
    return _SPACE.sub(" ", _NUMBER.sub("#", line)).strip(), formats


def _without_time(line: str) -> str:
    """Make all drawings of a bar of rich one: how many there are, and which colours each has, depends on the time."""
    line = _RICH_BAR.sub("<bar>", line).replace("<esc>", "")
    line = line.replace("-:--:--", "0:00:00").replace("? it/s", "0 it/s")  # what it does not know yet
    return re.sub(r"(?<=\d),(?=\d{3})", "", line)


def _format(number: str) -> str:
    """Name the way in which a number is written."""
    if ":" in number:
        return "h:mm:ss" if number.count(":") > 1 else "mm:ss"
    if number in ("nan", "inf"):
        return _ANY
    _, point, decimals = number.partition(".")
    most_decimals_on_purpose = 4
    if "e" in number or len(decimals) > most_decimals_on_purpose:
        return "full"
    return f".{len(decimals)}f" if point else "d"


def _format_in_table(number: str) -> str:
    """Name it for a table of Stable-Baselines3, where 25 may be 25.04 to three significant digits."""
    kept = 3
    if number in ("nan", "inf"):
        return _ANY
    if number.isdigit():
        return "whole" if len(number) > kept else _ANY
    digits = number.partition("e")[0].replace(".", "").lstrip("0")
    return _ANY if not digits else "rounded" if len(digits) <= kept else "full"


_DIFFERENCES = {
    (True, True): "the line differs",
    (True, False): "a line is missing",
    (False, True): "a new line",
}


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
            at = old_line or before[min(start, len(before) - 1)]
            found.append(
                Drift(
                    line_number=at.line_number,
                    recorded=old_line.text if old_line else "",
                    printed=new_line.text if new_line else "",
                    what=_DIFFERENCES[bool(old_line), bool(new_line)],
                )
            )
    return found


def _formats_that_differ(before: tuple[LineShape, ...], now: tuple[LineShape, ...]) -> list[Drift]:
    today = {line.text: line for line in now}
    enough = 3
    found = []
    for line in before:
        other = today.get(line.text)
        if other is None or min(line.times, other.times) < enough:
            continue
        for was, is_now in zip(line.formats, other.formats, strict=True):
            recorded, printed = _usual(was), _usual(is_now)
            if len(recorded) == 1 and printed and printed != recorded:
                found.append(
                    Drift(
                        line_number=line.line_number,
                        recorded=line.text,
                        printed=other.text,
                        what=f"a number written as {_one(recorded)} is now written as {_one(printed)}",
                    )
                )
    return found


def _usual(formats: frozenset[str]) -> frozenset[str]:
    """Leave out formats that tell nothing: a number written in full may happen to be a short one."""
    return frozenset({"full"}) if "full" in formats else formats - {_ANY}


def _one(formats: frozenset[str]) -> str:
    return " or ".join(sorted(formats))
