"""What holds of every log, however damaged."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import re
from bisect import bisect_left
from dataclasses import replace
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from fuzz._damage import lines_of, recordings
from fuzz._explanations import coloured, explained, explanations
from fuzz._tools import Pieces, as_json, find_prefix, hold, objection, read_without, same, tell
from stepscope.logs import read, reads
from stepscope.logs._lines import split
from stepscope.logs._prefix import LEARNT_FROM, RECOGNISED, SAMPLE, SHARE, PrefixStripper
from stepscope.logs._read import understand

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.logs import Record
    from stepscope.logs._lines import Line

__all__ = ["CHECKS"]


def _accounted(data: bytes, _: random.Random) -> None:
    position = 0
    for record in read(io.BytesIO(data)):
        hold(record.span[0] == position, f"a record starts at {record.span[0]} and not at {position}")
        hold(record.span[1] > position, f"the record at {position} is empty")
        position = record.span[1]
    hold(position == len(data), f"the records end at {position} of {len(data)} bytes")


def _strict(data: bytes, _: random.Random) -> None:
    for record in read(io.BytesIO(data)):
        line = record.to_json()
        hold("\n" not in line, "JSON of two lines")
        hold(json.loads(line) == record.to_dict(), "the JSON is not the dictionary")
        problem = objection(line)
        hold(problem is None, f"against the schema: {problem} in {line[:200]}")


def _in_pieces(data: bytes, choose: random.Random) -> None:
    expected = as_json(io.BytesIO(data))
    largest = choose.choice([1, 3, 40, 1000, 30_000])
    seed = choose.random()
    sizes = random.Random(seed)  # noqa: S311 - not a secret
    pieces = Pieces(data, lambda: sizes.randint(1, largest))
    same(as_json(pieces), expected, f"in pieces of up to {largest} bytes")


def _as_text(data: bytes, _: random.Random) -> None:
    """Text that is complete, and decoded text, read the same."""
    whole = data if data.endswith(b"\n") else data + b"\n"
    expected = as_json(io.BytesIO(whole))
    same([record.to_json() for record in reads(whole)], expected, "as bytes at hand")
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return
    same([record.to_json() for record in reads(text)], expected, "as text at hand")
    same(as_json(io.StringIO(text, newline="")), expected, "as a file of text")


def _so_far(data: bytes, choose: random.Random) -> None:
    """Read the beginning, which must not change when more is printed.

    A prefix is learnt from the first lines together, so a cut among these may leave too few to tell it. There the
    law is about the rest of the reader, for which the prefix of the whole log is given. Behind these lines nothing
    is given: the prefix must not change any more.
    """
    ends = [at + 1 for at in range(len(data)) if data[at] == ord("\n")]
    if not ends:
        return
    end = choose.choice(ends)
    if len(data[:end].splitlines()) >= LEARNT_FROM:
        some, whole = (list(read(io.BytesIO(part))) for part in (data[:end], data))
    else:
        prefix = find_prefix(data)
        some, whole = (read_without(prefix, part) for part in (data[:end], data))
    if any(record.rank is not None for record in whole):
        return  # what several processes print goes on at any time
    # The last record may go on, and a line feed may follow the carriage return.
    settled = max(0, len(some) - 2)
    # What others interrupted may go on, too, and then it is not known what belongs to it.
    settled = next((at for at in range(settled) if not _closed(some[at], data)), settled)
    # The first library of all gives its name to what was printed before it.
    kept = [
        [json.dumps({**record.to_dict(), "library": None}) for record in part[:settled]]
        for part in (whole, some)
    ]
    same(kept[0], kept[1], f"of the first {end} bytes")


def _closed(record: Record, data: bytes) -> bool:
    """Say whether the last line of a block has come, as the libraries print it."""
    begin, end = record.span
    raw = data[begin:end]
    if record.library == "rsl_rl" and record.kind == "iteration":
        return b"ETA: " in raw
    if record.library == "sb3" and b"| " in raw and b"---" in raw:
        return re.search(rb"-{5}\s*(?:\x1b[^m]*m\s*)*$", raw) is not None
    return True


def _told(data: bytes, choose: random.Random) -> None:
    """Whatever is read can be shown."""
    said = tell(data, everything=choose.random() < 0.5)  # noqa: PLR2004 - every other time
    hold(not [line for line in said if "\n" in line or "\r" in line], "a line of the table is two")


def _side_by_side(data: bytes, choose: random.Random) -> None:
    """Two logs that are read in turns do not disturb each other, nor does one that is left in the middle."""
    other = choose.choice(recordings())
    expected = [as_json(io.BytesIO(data)), as_json(io.BytesIO(other))]
    left = read(io.BytesIO(choose.choice(recordings())))
    found: list[list[str]] = [[], []]
    readers = {0: read(io.BytesIO(data)), 1: read(io.BytesIO(other))}
    while readers:
        turn = choose.choice(list(readers))
        next(left, None)
        record = next(readers[turn], None)
        if record is None:
            del readers[turn]
        else:
            found[turn].append(record.to_json())
    same(found[0], expected[0], "in turns with another")
    same(found[1], expected[1], "in turns with a damaged one")


def _prefixed(data: bytes, choose: random.Random) -> None:
    """Put a prefix in front of every line: it is found, and nothing changes but where the records stand, and when.

    This holds of a log without any prefix of its own whose first lines, from which it is learnt, hold one of a
    training library and are not blank. Behind a prefix, a bar is not parted from what shares its line, nor is a byte
    order mark taken off, and a name in brackets that is not a rank's may be one more prefix. Indentation may stay where
    the lines are understood with it.
    """
    form = choose.choice(_FORMS)
    lines = lines_of(data)
    prefixes = [form.replace(b"#", b"%02d" % choose.randrange(60)) for _ in lines]
    if choose.random() < 0.3:  # noqa: PLR2004 - some editors take blanks off the ends of lines
        prefixes = [
            prefix if line.strip(b" \t\r\n") else prefix.rstrip(b" \t")
            for prefix, line in zip(prefixes, lines, strict=True)
        ]
    text = b"".join(prefix + line for prefix, line in zip(prefixes, lines, strict=True))
    starts = list(accumulate(map(len, lines), initial=0))
    added = list(accumulate(map(len, prefixes), initial=0))
    if _UNLIKE_BEHIND_A_PREFIX.search(data) or not _tells_prefix(data, set(starts)):
        return
    if form.isspace() and _is_understood_with(form, _first_lines(text)):
        return

    def place(byte: int) -> int:
        return byte + added[bisect_left(starts, byte)]

    def moved(record: Record) -> str:
        return _untimed(replace(record, span=(place(record.span[0]), place(record.span[1]))))

    expected = [moved(record) for record in read(io.BytesIO(data))]
    same([_untimed(record) for record in read(io.BytesIO(text))], expected, f"behind {form!r}")
    same(explanations(text), explanations(data, place), f"behind {form!r}")


def _untimed(record: Record) -> str:
    """Return what a record says without the time that the prefix tells."""
    derived = {name: value for name, value in record.derived.items() if name != "seconds.elapsed"}
    return replace(record, derived=derived).to_json()


_UNLIKE_BEHIND_A_PREFIX = re.compile(rb"\xef\xbb\xbf|(?:it/s|s/it)\][^\r\n]*[^\s]|\[[a-z]*\]:|\]\s*Traceback")


def _tells_prefix(data: bytes, starts: set[int]) -> bool:
    """Say whether the first lines would tell a prefix of all lines, and have none yet."""
    first = _first_lines(data)
    regular = [line for line in first if line.text.strip() and line.start in starts]
    if len(regular) < SHARE * len(first) or not understand(first)[1]:
        return False
    return (
        find_prefix(data, lambda lines: (understand(lines)[0], False)) is None
    )  # never sure that it has none


def _is_understood_with(indentation: bytes, first: list[Line]) -> bool:
    """Say whether so much of these lines is recognised that nothing is gained without the indentation."""
    stripper = PrefixStripper.of(re.compile(indentation))
    best = understand([*stripper.feed(first), *stripper.flush()])[0]
    size = sum(line.end - line.start for line in first if line.text.strip())
    return understand(first)[0] >= min(best, RECOGNISED * size)


def _first_lines(data: bytes) -> list[Line]:
    return list(islice(split([data]), SAMPLE))


_FORMS = (
    b"trainer_1  | ",
    b"service-#-1 | ",
    b"2026-11-24 10:00:# ",
    b"2026-11-24T10:00:#.123Z ",
    b"2026-11-24 10:00:#,678 - train - INFO - ",
    b"[2026-11-24 10:00:#][train][INFO] - ",
    b"(pid=41#) ",
    b"(worker pid=#, ip=10.0.0.#) ",
    b"#: ",
    b"> ",
    b">> ",
    b"    ",
    b"\t",
    b"INFO:root:",
    b"[1,#]<stdout>:",
)


def _forgotten(data: bytes, choose: random.Random) -> None:
    """Leave nothing behind that changes what is read next, but for a prefix, which all lines of a log may have."""
    behind = choose.choice(recordings())
    if find_prefix(data + b"\n\n" + behind) is not None:
        return
    alone = _iterations(behind)
    hold(alone == _iterations(behind), "the second reading differs from the first")
    # What the damaged log left open may take the first iterations.
    after = _iterations(data + b"\n\n" + behind)
    expected = alone[2:]
    same(after[len(after) - len(expected) :], expected, "behind another log")


def _alone(data: bytes, choose: random.Random) -> None:
    """Read what an iteration covers by itself: it is the same, whatever was learnt from those before it.

    But for the prefix: a few lines do not tell which of their words are one, so that of the whole log is given.
    """
    prefix = find_prefix(data)
    kept = [
        record
        for record in read_without(prefix, data)
        if record.kind == "iteration" and _closed(record, data)
    ]
    # Where several processes write, or one thing interrupts another, a block has lines outside of its span.
    if any(record.rank is not None for record in kept):
        return
    for record in choose.sample(kept, min(_SAMPLE, len(kept))):
        begin, end = record.span
        alone = read_without(prefix, data[begin:end])[0]
        same([_itself(alone)], [_itself(record)], "by itself")


_SAMPLE = 20


def _itself(record: Record) -> str:
    """Return what a record says that does not depend on those before it."""
    begin, end = record.span
    return json.dumps({**record.to_dict(), "span": end - begin, "run": 1, "derived": {}})


def _iterations(log: bytes) -> list[str]:
    """Return what iterations say of themselves."""
    return [_itself(record) for record in read(io.BytesIO(log)) if record.kind == "iteration"]


def _apart(data: bytes, _: random.Random) -> None:
    """Take records for values: equal when read again, the same after a journey, unchanged with others."""
    kept = list(read(io.BytesIO(data)))
    expected = [record.to_json() for record in kept]
    # Only NaN is unequal to itself.
    pairs = zip(kept, read(io.BytesIO(data)), expected, strict=True)
    hold(all(one == other for one, other, line in pairs if '"nan"' not in line), "equal records are unequal")
    travelled = pickle.loads(pickle.dumps(kept))  # noqa: S301 - our own
    same([record.to_json() for record in travelled], expected, "pickled")
    same([record.to_json() for record in map(copy.copy, kept)], expected, "copied")
    fresh = list(read(io.BytesIO(data)))
    for record in fresh[::2]:
        repr(record)
        if isinstance(record.metrics, dict):
            record.metrics.clear()
    same([record.to_json() for record in fresh[1::2]], expected[1::2], "beside records that were changed")


CHECKS: tuple[Callable[[bytes, random.Random], None], ...] = (
    _accounted,
    _strict,
    _in_pieces,
    _as_text,
    _so_far,
    _prefixed,
    explained,
    coloured,
    _told,
    _side_by_side,
    _forgotten,
    _alone,
    _apart,
)
