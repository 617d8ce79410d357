"""What holds of every log, however damaged."""

from __future__ import annotations

import io
import json
import random
import time
from functools import cache
from typing import IO, TYPE_CHECKING, Any, cast

from stepscope import logs
from stepscope.logs import Record, read, reads
from stepscope.logs._summary import Summary
from stepscope.logs._table import table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKS", "BrokenLawError", "Pieces", "hold", "same", "seconds"]


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


def _accounted(data: bytes, _: random.Random) -> None:
    position = 0
    for record in read(io.BytesIO(data)):
        hold(record.span[0] == position, f"a record starts at {record.span[0]} and not at {position}")
        hold(record.span[1] > position, f"the record at {position} is empty")
        position = record.span[1]
    hold(position == len(data), f"the records end at {position} of {len(data)} bytes")


def _strict(data: bytes, _: random.Random) -> None:
    valid = _validator()
    for record in read(io.BytesIO(data)):
        line = record.to_json()
        hold("\n" not in line, "JSON of two lines")
        fields = json.loads(line, parse_constant=_refuse)
        hold(fields == record.to_dict(), "the JSON is not the dictionary")
        shape = _shape(fields)
        problem = None if shape in _valid_shapes else valid(fields)
        hold(problem is None, f"against the schema: {problem} in {line[:200]}")
        _valid_shapes.add(shape)


def _as_printed(data: bytes, _: random.Random) -> None:
    """Attributes, dictionary and JSON say the same, now and after everything was read."""
    now = [record.to_json() for record in read(io.BytesIO(data))]
    kept = list(read(io.BytesIO(data)))
    backwards = [_by_attribute(record) for record in reversed(kept)][::-1]
    same([json.dumps(fields, allow_nan=False) for fields in backwards], now, "by attribute, later")
    same([record.to_json() for record in kept], now, "later")


def _in_pieces(data: bytes, choose: random.Random) -> None:
    expected = _read(io.BytesIO(data))
    largest = choose.choice([1, 3, 40, 1000, 30_000])
    seed = choose.random()
    sizes = random.Random(seed)  # noqa: S311 - not a secret
    pieces = Pieces(data, lambda: sizes.randint(1, largest))
    same(_read(pieces), expected, f"in pieces of up to {largest} bytes")


def _as_text(data: bytes, _: random.Random) -> None:
    """Text that is complete, and decoded text, read the same."""
    whole = data if data.endswith(b"\n") else data + b"\n"
    expected = _read(io.BytesIO(whole))
    same([record.to_json() for record in reads(whole)], expected, "as bytes at hand")
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return
    same([record.to_json() for record in reads(text)], expected, "as text at hand")
    same(_read(io.StringIO(text, newline="")), expected, "as a file of text")


def _so_far(data: bytes, choose: random.Random) -> None:
    """Read the beginning, which must not change when more is printed."""
    ends = [at + 1 for at in range(len(data)) if data[at] == ord("\n")]
    if not ends:
        return
    end = choose.choice(ends)
    # The last record may go on, a line feed may follow the carriage return, and the first library of all gives its
    # name to what was printed before it.
    some, whole = [
        [json.dumps({**json.loads(line), "library": None}) for line in _read(io.BytesIO(part))]
        for part in (data[:end], data)
    ]
    same(whole[: max(0, len(some) - 2)], some[:-2], f"of the first {end} bytes")


def _told(data: bytes, choose: random.Random) -> None:
    """Whatever is read can be shown."""
    summary = Summary("a.log")
    lines = list(table(summary.watch(read(io.BytesIO(data))), everything=choose.random() < 0.5))  # noqa: PLR2004
    said = [*lines, *summary.sentences()]
    hold(not [line for line in said if "\n" in line or "\r" in line], "a line of the table is two")
    summary.problem()


CHECKS: tuple[Callable[[bytes, random.Random], None], ...] = (
    _accounted,
    _strict,
    _as_printed,
    _in_pieces,
    _as_text,
    _so_far,
    _told,
)


def seconds(data: bytes, *, repeats: int = 1) -> float:
    """Return the processor time in seconds that reading takes; of several readings the least."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for _record in read(io.BytesIO(data)):
            pass
        best = min(best, time.process_time() - started)
    return best


def same(found: list[str], expected: list[str], how: str) -> None:
    """Raise if two readings differ, and show where first."""
    for number, (one, other) in enumerate(zip(found, expected, strict=False)):
        hold(one == other, f"record {number}, read {how}, is {one[:400]} and not {other[:400]}")
    hold(len(found) == len(expected), f"{len(found)} records and not {len(expected)}, read {how}")


def _read(log: object) -> list[str]:
    return [record.to_json() for record in read(cast("IO[bytes]", log))]


def _by_attribute(record: Record) -> dict[str, Any]:
    """Return what `to_dict` does, from the attributes, the last one first."""
    fields = {name: getattr(record, name) for name in reversed(_FIELDS)}
    for group, names in (("fps", logs.Fps.__slots__), ("seconds", logs.Seconds.__slots__)):
        fields[group] = {name: _plain(getattr(fields[group], name)) for name in names}
    for group in ("metrics", "derived"):
        fields[group] = {label: _plain(value) for label, value in fields[group].items()}
    fields["reward"], fields["episode_length"] = _plain(fields["reward"]), _plain(fields["episode_length"])
    fields["span"] = list(fields["span"])
    return {name: fields[name] for name in _FIELDS}


_FIELDS = (
    *("schema", "library", "kind", "rank", "run", "iteration", "iterations", "env_steps", "fps", "seconds"),
    *("reward", "episode_length", "metrics", "derived", "text", "span"),
)


def _plain(value: float | None) -> float | str | None:
    finite = value is None or isinstance(value, int) or value - value == 0
    return value if finite else str(value)


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
