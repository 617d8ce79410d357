"""From lines to records: find the grammar that knows a line, and account for every byte."""

from __future__ import annotations

import importlib
import pkgutil
from collections import deque
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, cast

from stepscope.logs import _python
from stepscope.logs._blocks import Context, message
from stepscope.logs._lines import split
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._blocks import Block, Grammar
    from stepscope.logs._lines import Line

__all__ = ["grammars", "stream"]

_WAITING_LIMIT = 1 << 16


@cache
def grammars() -> tuple[Grammar, ...]:
    """Return the grammar of each library: every public module of this package is one."""
    package = importlib.import_module("stepscope.logs")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    public = (f"{package.__name__}.{name}" for name in names if not name.startswith("_"))
    return tuple(cast("Grammar", importlib.import_module(name)) for name in public)


def stream(chunks: Iterable[bytes], *, num_envs: int | None = None, cut: bool = True) -> Iterator[Record]:
    """Yield the records of a log that comes in chunks of bytes, of any size."""
    context = Context(num_envs=num_envs)
    return _named(_records(split(chunks, cut=cut), context))


def _records(lines: Iterable[Line], context: Context) -> Iterator[Record]:
    """Put lines together into blocks, and blocks into records without gaps.

    A blank line goes with what is above it, a separator (``-----``) that no block takes with what is below it.
    At the start of the input a blank line can only go with what is below, at its end a separator with nothing:
    that one becomes a message.
    """
    block: Block | None = None
    start = end = 0
    for line in lines:
        text = line.text
        blank = not text or text.isspace()
        if block is not None:
            following = _begin(line, context) if block.yields and not blank else None
            if following is None and (block.take(line) or blank):
                end = line.end
                continue
            yield block.record((start, end))
            start, block = end, following
        if block is None and not blank:
            if _is_separator(text):
                context.above = text.rstrip()
            else:
                block = _begin(line, context) or message(line, context.library, kind="unrecognised")
        if block is not None:
            context.above = b""
            context.library = block.library
        end = line.end
    if block is not None:
        yield block.record((start, end))
    elif end > start:
        above = context.above.decode(errors="replace")
        yield Record(library=context.library, kind="message", text=above, span=(start, end))


def _begin(line: Line, context: Context) -> Block | None:
    for grammar in grammars():
        block = grammar.begin(line, context)
        if block is not None:
            return block
    return _python.begin(line, context)


def _is_separator(text: bytes) -> bool:
    return text[:3] in (b"---", b"===", b"###", b"***", b"___") and not text.rstrip().strip(text[:1])


def _named(records: Iterable[Record]) -> Iterator[Record]:
    """Give the records before the first known library's line that library too, as far back as is kept."""
    waiting: deque[Record] = deque()
    size = 0
    iterator = iter(records)
    for record in iterator:
        if record.library is not None:
            yield from (replace(early, library=record.library) for early in waiting)
            yield record
            yield from iterator
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
