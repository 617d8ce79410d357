"""What the laws are written with."""

from __future__ import annotations

import io
import json
import time
from functools import cache
from typing import IO, TYPE_CHECKING, cast

from stepscope import logs
from stepscope.explain import Explainer, explanation_report
from stepscope.logs import read
from stepscope.logs._prefix import PrefixStripper
from stepscope.logs._read import stream, understand
from stepscope.logs._table import table

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from stepscope.logs import Record
    from stepscope.logs._lines import Line

__all__ = [
    "BrokenLawError",
    "Pieces",
    "as_json",
    "find_prefix",
    "hold",
    "objection",
    "read_without",
    "same",
    "seconds",
    "tell",
]


class BrokenLawError(Exception):
    """Something does not hold of a log; the text says what."""


def hold(condition: object, sentence: str) -> None:
    """Raise if the condition does not hold."""
    if not condition:
        raise BrokenLawError(sentence)


class Pieces:
    """A file that gives its bytes in pieces of any size, as a pipe does."""

    def __init__(self, data: bytes, sizes: Callable[[], int]) -> None:
        self._data = memoryview(data)
        self._sizes = sizes

    def read(self, limit: int) -> bytes:
        """Return the next piece; nothing at the end."""
        size = min(limit, max(1, self._sizes()))
        piece, self._data = self._data[:size], self._data[size:]
        return bytes(piece)


def seconds(data: bytes, *, repeats: int = 1) -> float:
    """Return the processor time in seconds that reading and summing up takes; of several times the least."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        tell(data)
        best = min(best, time.process_time() - started)
    return best


def tell(data: bytes, *, everything: bool = False) -> list[str]:
    """Return the lines that the commands show of a log, and of what went wrong in it."""
    explainer = Explainer("a.log")
    lines = list(table(explainer.tee(read(io.BytesIO(data))), everything=everything))
    explainer.summary.problem()
    reports = [line for each in explainer.explanations() for line in explanation_report(each)]
    return [*lines, *explainer.summary.sentences(), *(f"{line.label} {line.text}" for line in reports)]


def same(found: list[str], expected: list[str], how: str) -> None:
    """Raise if two readings differ, and show where first."""
    for number, (one, other) in enumerate(zip(found, expected, strict=False)):
        hold(one == other, f"record {number}, read {how}, is {one[:400]} and not {other[:400]}")
    hold(len(found) == len(expected), f"{len(found)} records and not {len(expected)}, read {how}")


def as_json(log: object) -> list[str]:
    """Return the JSON of each record of an open log."""
    return [record.to_json() for record in read(cast("IO[bytes]", log))]


def find_prefix(
    data: bytes, judge: Callable[[list[Line]], tuple[int, bool]] = understand
) -> re.Pattern[bytes] | None:
    """Return what the reader takes off the lines of a log in the end."""
    stripper = PrefixStripper(judge)
    for _ in stream([data], stripper=stripper):
        pass
    return stripper.pattern


def read_without(prefix: re.Pattern[bytes] | None, data: bytes) -> list[Record]:
    """Return the records of a log, read as if `prefix` had been learnt before its first line."""
    return list(stream([data], stripper=PrefixStripper.of(prefix)))


def objection(line: str) -> str | None:
    """Return how the JSON of a record breaks the schema, or None if it does not."""
    fields = json.loads(line, parse_constant=_refuse)
    shape = _shape(fields)
    said = None if shape in _valid_shapes else _validator()(fields)
    if said is None:
        _valid_shapes.add(shape)
    return said


def _refuse(constant: str) -> None:
    raise BrokenLawError(f"the JSON has a bare {constant}")


@cache
def _validator() -> Callable[[object], str | None]:
    """Return what says how something breaks the schema of records."""
    from importlib import resources  # noqa: PLC0415 - only where it is installed

    import jsonschema  # type: ignore[import-untyped] # noqa: PLC0415 - the same

    text = resources.files(logs).joinpath("schema.json").read_text(encoding="utf-8")
    validator = jsonschema.Draft202012Validator(json.loads(text))

    def problem(fields: object) -> str | None:
        error = next(validator.iter_errors(fields), None)
        if error is None:
            return None
        where = ".".join(str(name) for name in list(error.absolute_path)[:1])
        return f"{where} breaks {error.validator} ({error.message[:100]})"

    return problem


_valid_shapes: set[object] = set()


def _shape(value: object, depth: int = 0) -> object:
    """Return all of a record that the schema can object to; to ask it about every record would take most of the time."""
    if isinstance(value, dict):
        inner = {name: _shape(inside, depth + 1) for name, inside in value.items()}
        return frozenset(inner.values() if depth and len(inner) > _NAMED else inner.items())
    if isinstance(value, list):
        return tuple(_shape(inside, depth + 1) for inside in value)
    if isinstance(value, str):
        return value if len(value) < _NAMED else str
    return (type(value), value is not None and value < 0, value == 1)  # type: ignore[operator]


_NAMED = 12  # entries of a group, or letters of a word, that the schema could name
