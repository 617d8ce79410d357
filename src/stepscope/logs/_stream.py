"""From lines to records: find the grammar that knows a line, and account for every byte."""

from __future__ import annotations

import importlib
import pkgutil
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, cast

from stepscope.logs import _python
from stepscope.logs._assembly import Assembly
from stepscope.logs._blocks import Context
from stepscope.logs._lines import Splitter
from stepscope.logs._records import put
from stepscope.logs._runs import Runs
from stepscope.logs._skim import Lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._blocks import Block, Grammar
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record

__all__ = ["grammars", "stream"]

_WAITING_LIMIT = 1 << 16


@cache
def grammars() -> tuple[Grammar, ...]:
    """Return the grammar of each library: every public module of this package is one."""
    package = importlib.import_module("stepscope.logs")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    public = (f"{package.__name__}.{name}" for name in names if not name.startswith("_"))
    return tuple(cast("Grammar", importlib.import_module(name)) for name in public)


def stream(
    chunks: Iterable[bytes], *, num_envs: int | None = None, cut: bool = True, fast: bool = True
) -> Iterator[Record]:
    """Yield the records of a log that comes in chunks of bytes, of any size.

    An empty chunk says that nothing has come for a while: what could be complete is yielded.
    Without `fast` every line is looked at by itself, with the same result.
    """
    context = Context(num_envs=num_envs)
    return _named(_records(chunks, context, cut=cut, fast=fast))


def _records(chunks: Iterable[bytes], context: Context, *, cut: bool, fast: bool) -> Iterator[Record | None]:
    """Yield records, and None where nothing has come for a while."""
    splitter = Splitter(cut=cut)
    assembly = Assembly(context, _begin)
    runs = Runs()
    lanes = Lanes(context, runs) if fast else None
    for chunk in chunks:
        splitter.add(chunk)
        while True:
            if lanes is not None and assembly.idle and splitter.whole:
                yield from _skim(lanes, splitter, assembly, runs, context)
            lines = splitter.next(end=not chunk)
            if not lines:
                break
            for line in lines:
                assembly.put(line)
            for record in assembly.ready():
                yield runs.complete(record)
                if lanes is not None:
                    lanes.learn(record, splitter.data, splitter.base)
        if not chunk:
            yield from map(runs.complete, assembly.flush())
            yield None
    for line in splitter.finish():
        assembly.put(line)
        yield from map(runs.complete, assembly.ready())
    yield from map(runs.complete, assembly.finish())


def _skim(
    lanes: Lanes, splitter: Splitter, assembly: Assembly, runs: Runs, context: Context
) -> Iterator[Record]:
    """Yield whole records from where the next line starts, as long as they come."""
    data, base = splitter.data, splitter.base
    lane = lanes.at(data, splitter.at)
    if lane is None or not lane.fits(data, splitter.at):
        return
    for record in assembly.flush():
        yield runs.complete(record)
        lanes.learn(record, data, base)
    while lane is not None:
        yield from lane.skim(data, splitter.at, base)
        if lane.at == splitter.at:
            return
        context.library = lane.library
        splitter.at = lane.at
        lane = lanes.at(data, lane.at)


def _begin(line: Line, context: Context) -> Block | None:
    for grammar in grammars():
        block = grammar.begin(line, context)
        if block is not None:
            return block
    return _python.begin(line, context)


def _named(records: Iterable[Record | None]) -> Iterator[Record]:
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
            yield from (put(early, library=record.library) for early in waiting)
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
