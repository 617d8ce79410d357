"""Layouts of blocks, learnt from one that was read line by line: the next is often the same but for its numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.logs._derived import Mark
from stepscope.logs._expressions import compiled
from stepscope.logs._values import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepscope.logs._records import Record

__all__ = ["AUTO", "CLOCK", "COUNT", "FLOAT", "INTEGER", "SIZE_LIMIT", "Gap", "Layout", "learnt", "literal"]

SIZE_LIMIT = 1 << 14
"""Bytes of a block that is worth learning."""

_RUNS = re.compile(rb"( {3,}|-{4,}|#{4,})")


@dataclass(frozen=True)
class Gap:
    """A place where a number stands: the expression with one group that finds it, and how to convert it."""

    pattern: bytes
    convert: Callable[[bytes], float]


def _clock(text: bytes) -> int:
    days, comma, text = text.rpartition(b", ")
    if comma:
        return int(days.partition(b" ")[0]) * 86400 + _clock(text)
    hours, minutes, seconds = text.split(b":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _auto(text: bytes) -> float:
    return int(text) if text.isdigit() and len(text) <= 18 else _signed(text)  # noqa: PLR2004 - as `number` has it


def _signed(text: bytes) -> float:
    digits = text[1:] if text[:1] in b"+-" else text
    return int(text) if digits.isdigit() and len(digits) <= 18 else float(text)  # noqa: PLR2004 - the same


COUNT = Gap(rb"(\d{1,18})", int)
INTEGER = Gap(rb"(-?\d{1,18})", int)
FLOAT = Gap(rb"(-?(?:\d{1,18}\.\d{1,18}|nan|inf))", float)
CLOCK = Gap(rb"((?:\d{1,9} days?, )?\d{1,9}:\d\d:\d\d)", _clock)
AUTO = Gap(rb"([+-]?+(?:\d{1,18}+(?:\.\d{0,18}+)?+(?:[eE][+-]?+\d{1,4}+)?+|nan|inf))", _auto)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a block looks that has these labels.

    Attributes
    ----------
    pattern
        Matches the whole block, blank lines below it included, if a line with something in it follows.
    labels
        What the numbers in its groups are called, from group `first` on.
    converters
        How each is converted.
    first
        Groups before the numbers.
    marked
        Which of the numbers the next block is compared with.
    """

    pattern: re.Pattern[bytes]
    labels: tuple[str, ...]
    converters: tuple[Callable[[bytes], float], ...]
    first: int
    marked: tuple[int | None, ...]

    def mark(self, groups: tuple[bytes, ...]) -> Mark:
        """Return what the next block is compared with."""
        convert, first = self.converters, self.first
        iteration, steps, fps, elapsed = (
            None if at is None else convert[at](groups[first + at]) for at in self.marked
        )
        return Mark(count(iteration), count(steps), fps, elapsed, strict=True)

    def metrics(self, groups: tuple[bytes, ...]) -> dict[str, float]:
        """Return the numbers of a block under their labels."""
        values = [
            convert(group) for convert, group in zip(self.converters, groups[self.first :], strict=True)
        ]
        return dict(zip(self.labels, values, strict=True))


def literal(text: bytes) -> bytes:
    """Return an expression for just this text; long runs of one character are counted."""
    parts = _RUNS.split(text)
    return b"".join(
        b"%b{%d}" % (re.escape(part[:1]), len(part)) if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )


def learnt(
    parts: list[bytes | Gap],
    raw: bytes,
    record: Record,
    marked: Sequence[Sequence[str]],
    fields: Callable[[dict[str, float], tuple[bytes, ...]], dict[str, Any]],
) -> Layout | None:
    """Return the layout of a block made of expressions and gaps, or None if it does not read as the record was read."""
    gaps = [part for part in parts if isinstance(part, Gap)]
    labels = tuple(record.metrics)
    if len(gaps) != len(labels):
        return None
    expression = b"".join(part.pattern if isinstance(part, Gap) else part for part in parts)
    pattern = compiled(expression + rb"(?=[^\s\x1b\xef\[])")
    first = pattern.groups - len(gaps)
    where = {label: at for at, label in enumerate(labels)}
    chosen = (next((where[name] for name in names if name in where), None) for names in marked)
    layout = Layout(pattern, labels, tuple(gap.convert for gap in gaps), first, tuple(chosen))
    found = pattern.match(raw + b"x")
    if found is None or found.end() != len(raw):
        return None
    groups = found.groups()
    said = fields(layout.metrics(groups), groups[:first])
    # A NaN equals nothing, but looks the same.
    same = all(repr(getattr(record, name)) == repr(value) for name, value in said.items())
    return layout if same else None
