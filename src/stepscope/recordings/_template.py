"""Templates of console output, and their differences.

Two runs never print the same numbers. A template holds what stays: which lines there are, in which order they first
appear, with which labels and units, and in which format each number is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from stepscope._common.text import strip_escapes

__all__ = ["LineTemplate", "TemplateDifference", "diff_templates", "line_template", "output_template"]

_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_FOLDERS = re.compile(r"(?<=')[^']*/(?=[^/']+')|(?<= to )\S+/(?=[^/\s]+$)")
_ABSOLUTE_PATH = re.compile(r"(?<![\w.])(?:/[\w.+-]+){2,}")
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_BAR = re.compile(r"%\|[^|]*\|")
# tqdm turns the rate round where an iteration takes more than a second, and covers a longer drawing with spaces.
_BAR_RATE = re.compile(r"(?P<rate>, *-?[\d.]+)(?:it/s|s/it)\] *")
# Rich draws what is done and what is left in two colours, and half a cell between them.
_RICH_BAR = re.compile(r"[━╸╺](?:[━╸╺]|<esc>)*")
_RULE = re.compile(r"([-#=])\1{3,}")
_TABLE_ROW = re.compile(r"\|\s*(?P<label>[^|]+?)\s*\|[^|]*\|")
# A minus sign behind a letter or digit is a hyphen, as in a date. NumPy writes a whole number in brackets as "21.".
_NUMBER = re.compile(
    r"(?:(?<![A-Za-z0-9.)\]])-)?(?:\d+(?::\d\d)+"
    r"|(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+|\.(?=[\]_]))?|\.\d+)(?:e[-+]?\d+)?"
    r"|(?<![A-Za-z])(?:nan|inf)(?![A-Za-z]))"
)

# The format of a number that could have been written in several.
_ANY = ""

# RSL-RL looks for a git repository around the folder that it is installed in, so this line depends on the machine.
_ABOUT_THE_MACHINE = re.compile(r"^(Could not find git repository in|Storing git diff for) ")


@dataclass(frozen=True)
class LineTemplate:
    """One kind of line.

    Attributes
    ----------
    text
        The line with ``…`` for every number.
    formats
        For each number of the line, the formats in which it was seen: ``d`` or ``.2f``, ``full`` for all the
        digits that it has, ``mm:ss`` or ``h:mm:ss``; in a table ``whole``, ``rounded`` or ``full``. One that
        could be several of these has none.
    times
        Number of such lines.
    line_number
        Line number of the first, counted from 1.
    """

    text: str
    formats: tuple[frozenset[str], ...]
    times: int
    line_number: int


@dataclass(frozen=True)
class TemplateDifference:
    """One difference between a recording and what is printed now."""

    line_number: int
    recorded: str
    printed: str
    what: str

    def __str__(self) -> str:
        return (
            f"line {self.line_number}: {self.what}: recorded {self.recorded!r}, printed now {self.printed!r}"
        )


def output_template(text: str) -> tuple[LineTemplate, ...]:
    r"""Return the kinds of lines in the order in which each first appears.

    Examples
    --------
    >>> [(line.text, line.times) for line in output_template("epoch: 1 loss: 0.12\nepoch: 2 loss: 0.34\ndone\n")]
    [('epoch: … loss: …', 2), ('done', 1)]
    """
    kinds: dict[str, tuple[int, list[list[str]]]] = {}
    inside = False
    for number, line in enumerate(_LINE_ENDS.split(text), start=1):
        # The frames of a traceback depend on Python and on every package in between; its last line counts.
        if inside and line.startswith((" ", "\t")):
            continue
        inside = line.startswith("Traceback (most recent call last):")
        masked = _mask_variables(line)
        if "━" in masked:  # a bar of rich, which does not know the time at first
            masked = masked.replace("-:--:--", "0:00:00").replace("? it/s", "0 it/s")
        kind = _NUMBER.sub("…", masked)
        if kind and not _ABOUT_THE_MACHINE.match(kind):
            name = _format_in_table if line.startswith("| ") else _format
            formats = [name(number.removeprefix("-")) for number in _NUMBER.findall(masked)]
            kinds.setdefault(kind, (number, []))[1].append(formats)
    return tuple(
        LineTemplate(
            text=kind,
            formats=tuple(frozenset(column) for column in zip(*rows, strict=True)),
            times=len(rows),
            line_number=number,
        )
        for kind, (number, rows) in kinds.items()
    )


def line_template(line: str) -> str:
    """Return a line with ``…`` for numbers and folders and without padding; empty if it has no words.

    Examples
    --------
    >>> line_template("     Computation: 31768 steps/s (collection: 0.010s, learning 0.038s)")
    'Computation: … steps/s (collection: …s, learning …s)'
    >>> line_template("Time elapsed: 0:00:03"), line_template("Time elapsed: 00:00:03")
    ('Time elapsed: h:mm:ss', 'Time elapsed: hh:mm:ss')
    >>> line_template("|    ep_len_mean     | 19.5     |")
    'ep_len_mean'
    >>> line_template("---------------------")
    ''
    """
    if row := _TABLE_ROW.fullmatch(line.strip()):
        return row["label"]
    masked = _mask_variables(line)
    if not re.search(r"\w", masked):
        return ""
    return _NUMBER.sub(lambda match: _format(match[0]) if ":" in match[0] else "…", masked)


def diff_templates(recorded: str, printed: str) -> tuple[TemplateDifference, ...]:
    """Return the differences between the template of a recording and that of what the same command prints now.

    A number counts as written in another format only if both show it at least three times, and the recording
    always in one format. Signs, column widths, the number of lines of a kind, and the machine do not count.
    """
    before, now = output_template(recorded), output_template(printed)
    return (*_line_differences(before, now), *_format_differences(before, now))


def _mask_variables(line: str) -> str:
    """Replace what depends on the run or the machine, but for numbers."""
    line = _FOLDERS.sub("…/", strip_escapes(line, "<esc>"))
    line = _ADDRESS.sub("<address>", _ABSOLUTE_PATH.sub("<path>", line))
    if _RICH_BAR.search(line):  # the number of drawings, and the colours of each, depend on the time
        line = _RICH_BAR.sub("━", line).replace("<esc>", "")
    if _BAR.search(line):
        line = _BAR_RATE.sub(r"\g<rate>it/s]", _BAR.sub("%|…|", line))
    return " ".join(_RULE.sub(r"\1\1\1", line).split())


def _format(number: str) -> str:
    """Name the format of a number."""
    if ":" in number:
        first, *rest = number.split(":")
        return "mm:ss" if len(rest) == 1 else f"{'h' * min(len(first), 2)}:mm:ss"
    if number in ("nan", "inf"):
        return _ANY
    _, point, decimals = number.partition(".")
    most_decimals_on_purpose = 4
    if "e" in number or len(decimals) > most_decimals_on_purpose:
        return "full"
    return f".{len(decimals)}f" if point else "d"


def _format_in_table(number: str) -> str:
    """Name the format of a number in a table of Stable-Baselines3, where 25 may be 25.04 to three significant digits."""
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


def _line_differences(
    before: tuple[LineTemplate, ...], now: tuple[LineTemplate, ...]
) -> list[TemplateDifference]:
    matcher = SequenceMatcher(a=[line.text for line in before], b=[line.text for line in now], autojunk=False)
    differences = []
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone, new = before[start:end], now[other_start:other_end]
        for index in range(max(len(gone), len(new))):
            old_line = gone[index] if index < len(gone) else None
            new_line = new[index] if index < len(new) else None
            at = old_line or before[min(start, len(before) - 1)]
            differences.append(
                TemplateDifference(
                    line_number=at.line_number,
                    recorded=old_line.text if old_line else "",
                    printed=new_line.text if new_line else "",
                    what=_DIFFERENCES[bool(old_line), bool(new_line)],
                )
            )
    return differences


def _format_differences(
    before: tuple[LineTemplate, ...], now: tuple[LineTemplate, ...]
) -> list[TemplateDifference]:
    today = {line.text: line for line in now}
    enough = 3
    differences = []
    for line in before:
        other = today.get(line.text)
        if other is None or min(line.times, other.times) < enough:
            continue
        for was, is_now in zip(line.formats, other.formats, strict=True):
            recorded, printed = _telling(was), _telling(is_now)
            if len(recorded) == 1 and printed and printed != recorded:
                differences.append(
                    TemplateDifference(
                        line_number=line.line_number,
                        recorded=line.text,
                        printed=other.text,
                        what=f"a number written as {_join(recorded)} is now written as {_join(printed)}",
                    )
                )
    return differences


def _telling(formats: frozenset[str]) -> frozenset[str]:
    """Leave out formats that tell nothing: a number written in full may happen to be a short one."""
    return frozenset({"full"}) if "full" in formats else formats - {_ANY}


def _join(formats: frozenset[str]) -> str:
    return " or ".join(sorted(formats))
