"""From lines to records: find the library that knows a line, and account for every byte."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from stepscope.logs import _python
from stepscope.logs._assembly import RecordAssembler
from stepscope.logs._blocks import Context
from stepscope.logs._lines import Splitter
from stepscope.logs._runs import RunBoundaries
from stepscope.logs.libraries import LIBRARIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._blocks import Block
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record

__all__ = ["stream"]

_WAITING_LIMIT = 1 << 16


def stream(chunks: Iterable[bytes], *, num_envs: int | None = None, cut: bool = True) -> Iterator[Record]:
    """Yield the records of a log that comes in chunks of bytes, of any size.

    An empty chunk says that nothing has come for a while: what could be complete is yielded.
    """
    return _with_first_library(_records(chunks, Context(num_envs=num_envs), cut=cut))


def _records(chunks: Iterable[bytes], context: Context, *, cut: bool) -> Iterator[Record | None]:
    """Yield records, and None where nothing has come for a while."""
    splitter = Splitter(cut=cut)
    assembler = RecordAssembler(context, _open_block)
    assign = RunBoundaries().assign
    for chunk in chunks:
        for line in splitter.feed(chunk) if chunk else splitter.flush():
            for record in assembler.feed(line):
                yield assign(record)
        if not chunk:
            yield from map(assign, assembler.flush())
            yield None
    for line in splitter.close():
        yield from map(assign, assembler.feed(line))
    yield from map(assign, assembler.close())


def _open_block(line: Line, context: Context) -> Block | None:
    for library in LIBRARIES:
        block = library.open_block(line, context)
        if block is not None:
            return block
    return _python.open_block(line, context)


def _with_first_library(records: Iterable[Record | None]) -> Iterator[Record]:
    """Give the records before the first known library's line that library too, as far back as is kept."""
    waiting: deque[Record] = deque()
    size = 0
    iterator = iter(records)
    for record in iterator:
        if record is None:
            yield from waiting
            waiting.clear()
            size = 0
            continue
        if record.library is not None:
            yield from (replace(early, library=record.library) for early in waiting)
            yield record
            yield from (later for later in iterator if later is not None)
            return
        waiting.append(record)
        size += _weight(record)
        while size > _WAITING_LIMIT and len(waiting) > 1:
            early = waiting.popleft()
            size -= _weight(early)
            yield early
    yield from waiting


def _weight(record: Record) -> int:
    return 64 + len(record.text or "")
