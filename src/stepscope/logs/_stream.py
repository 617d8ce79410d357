"""From lines to records: find the library that knows a line, and account for every byte."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from stepscope.logs import _deaths, _drawn, _python
from stepscope.logs._assembly import RecordAssembler
from stepscope.logs._bars import parse_bar
from stepscope.logs._blocks import Context, message
from stepscope.logs._lines import Splitter
from stepscope.logs._prefix import PrefixStripper
from stepscope.logs._records import Record
from stepscope.logs._runs import RunBoundaries
from stepscope.logs.libraries import BY_KEY, LIBRARIES
from stepscope.logs.libraries.skrl import SKRL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._blocks import Block
    from stepscope.logs._lines import Line
    from stepscope.logs._stamps import Stamps

__all__ = ["stream", "understand"]

_WAITING_LIMIT = 1 << 16
_TIMED = ("iteration", "progress")


def stream(
    chunks: Iterable[bytes],
    *,
    num_envs: int | None = None,
    cut: bool = True,
    stripper: PrefixStripper | None = None,
) -> Iterator[Record]:
    """Yield the records of a log that comes in chunks of bytes, of any size.

    An empty chunk says that nothing has come for a while: what could be complete is yielded. Without a `stripper`,
    the prefix of the lines is learnt from the log.
    """
    stripper = PrefixStripper(understand) if stripper is None else stripper
    untimed = _records(chunks, stripper, Context(num_envs=num_envs), cut=cut)
    records = _with_first_library(_with_times(untimed, stripper.stamps))
    return map(RunBoundaries().assign, records)


def understand(lines: list[Line]) -> tuple[int, bool]:
    """Return how many bytes of some lines are recognised, and whether a training library printed any of them."""
    assembler = RecordAssembler(Context(), _open_block)
    records = [record for line in lines for record in assembler.feed(line)]
    records += assembler.close()
    known = [record for record in records if record.kind == "failure" or _is_known(record)]
    trains = any(record.library is not None and BY_KEY[record.library].trains for record in known)
    return round(
        sum((record.span[1] - record.span[0]) * _share_understood(record) for record in known)
    ), trains


def _share_understood(record: Record) -> float:
    """Return the share of lines that are what they are taken for: anything could be the message of an exception."""
    text = record.text or ""
    return _python.share_of_frames(text) if record.kind == "failure" else 1.0


def _with_times(records: Iterable[Record | None], stamps: Stamps) -> Iterator[Record | None]:
    """Give iterations and bars the time in front of their lines, where their library prints none."""
    for record in records:
        elapsed = None if record is None else stamps.elapsed(record.span)
        if (
            elapsed is None
            or record is None
            or record.kind not in _TIMED
            or record.seconds.elapsed is not None
        ):
            yield record
        else:
            yield replace(record, derived={**record.derived, "seconds.elapsed": elapsed})


def _records(
    chunks: Iterable[bytes], stripper: PrefixStripper, context: Context, *, cut: bool
) -> Iterator[Record | None]:
    """Yield records, and None where nothing has come for a while."""
    splitter = Splitter(cut=cut)
    assembler = RecordAssembler(context, _open_block)
    for chunk in chunks:
        for line in stripper.feed(splitter.feed(chunk) if chunk else splitter.flush()):
            yield from assembler.feed(line)
        if not chunk:
            for line in stripper.flush():
                yield from assembler.feed(line)
            yield from assembler.flush()
            yield None
    for line in (*stripper.feed(splitter.close()), *stripper.flush()):
        yield from assembler.feed(line)
    yield from assembler.close()


def _is_known(record: Record) -> bool:
    return record.kind != "unrecognised" and record.library is not None


def _open_block(line: Line, context: Context) -> Block | None:
    for library in LIBRARIES:
        block = library.open_block(line, context)
        if block is not None:
            if library is SKRL and _trains_otherwise(context.library) and parse_bar(line.text) is not None:
                return message(line, context.library)  # a bar of the user's own
            return block
    return (
        _deaths.open_block(line, context)
        or _python.open_block(line, context)
        or _drawn.open_block(line, context)
    )


def _trains_otherwise(library: str | None) -> bool:
    return library is not None and library != SKRL.key and BY_KEY[library].trains


def _with_first_library(records: Iterable[Record | None]) -> Iterator[Record]:
    """Give the records before the first known library's line that library too, as far back as is kept.

    A bar among them is skrl's unless another library trains.
    """
    waiting: deque[Record] = deque()
    size = 0
    iterator = iter(records)
    for record in iterator:
        if record is None:
            yield from (_of_library(early, None) for early in waiting)
            waiting.clear()
            size = 0
            continue
        if record.library is not None and (
            BY_KEY[record.library].trains or not any(map(_is_anybodys_bar, waiting))
        ):
            yield from (_of_library(early, record.library) for early in waiting)
            yield record
            yield from (later for later in iterator if later is not None)
            return
        waiting.append(record)
        size += _weight(record)
        while size > _WAITING_LIMIT and len(waiting) > 1:
            early = waiting.popleft()
            size -= _weight(early)
            yield _of_library(early, None)
    yield from (_of_library(early, None) for early in waiting)


def _is_anybodys_bar(record: Record) -> bool:
    return record.kind == "progress" and record.library is None


def _of_library(record: Record, library: str | None) -> Record:
    """Return a record whose own library is not known, given the first that is."""
    if record.library is not None:
        return record
    if not _is_anybodys_bar(record):
        return record if library is None else replace(record, library=library)
    if library is None or library == SKRL.key or not BY_KEY[library].trains:
        bar = parse_bar((record.text or "").encode())
        is_whole = bar is not None and bar.whole  # one that was cut off keeps its text
        return replace(record, library=SKRL.key, text=None if is_whole else record.text)
    return Record(library=library, kind="message", rank=record.rank, text=record.text, span=record.span)


def _weight(record: Record) -> int:
    return 64 + len(record.text or "")
