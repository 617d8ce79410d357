"""Put lines that belong together into records, be there lines of others between them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Single, Text, decoded, message
from stepscope.logs._lines import Line
from stepscope.logs._prefix import find_rank, split_rank_prefix
from stepscope.logs._records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stepscope.logs._blocks import Block, Context

__all__ = ["RecordAssembler"]

# A block whose lines others interrupt is waited for so long, in pieces that are held back meanwhile.
_PIECES = 256
# Messages and separators that come again, as some do by the thousand, are recognised once; so many of these lengths
# are kept.
_KEPT_MESSAGES = 1024
_KEPT_LENGTH = 200
_UNKNOWN = message(Line(b"", 0, 0, whole=True), None)  # stands for a line that was not seen before


class _Piece:
    """Lines that stand together: a block, or what continues one below the lines of others."""

    __slots__ = ("block", "end", "open", "rank", "rest", "start")

    def __init__(self, block: Block, rank: int | None, start: int, end: int) -> None:
        self.block = block
        self.rank = rank
        self.start = start
        self.end = end
        self.open = type(block) is not Single
        self.rest: Text | None = None

    def record(self) -> Record:
        span = (self.start, self.end)
        if self.rest is None:
            record = self.block.record(span)
        else:
            record = Record(library=self.block.library, kind="message", text=str(self.rest), span=span)
        rank = self.rank
        if rank is None and record.kind == "message" and record.text:
            rank = find_rank(record.text)
        return record if rank is None else replace(record, rank=rank)


class RecordAssembler:
    """Takes lines and returns records, whose spans have no gaps.

    A blank line goes with what is above it, a separator (``-----``) that no block takes with what is below it.
    At the start of the input a blank line can only go with what is below, at its end a separator with nothing:
    that one becomes a message. The record of a block that others interrupt has the span of its first lines; its
    other lines are messages.
    """

    def __init__(self, context: Context, open_block: Callable[[Line, Context], Block | None]) -> None:
        self._context = context
        self._block_of = open_block
        self._messages: dict[tuple[object, ...], Block | None] = {}  # None for a separator
        self._pieces: deque[_Piece] = deque()
        self._current: dict[int | None, _Piece] = {}
        self._suspended: dict[int | None, _Piece] = {}
        self._start: int | None = None  # where lines start that go with what is below
        self._end = 0

    def feed(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Take lines and yield the records that are complete; the last stays, as a blank line may follow."""
        pieces, open_blocks = self._pieces, self._current
        for line in lines:
            rank = None
            if line.text.startswith(b"["):
                rank, line = split_rank_prefix(line)  # noqa: PLW2901 - the same line without its rank
            self._end = line.end
            current = open_blocks.get(rank)
            yields = current is not None and current.block.yields  # which may change when it refuses a line
            if not line.text or line.text.isspace():
                self._take_blank(rank, line)
            elif current is not None and not yields and current.block.take(line):
                self._extend(current, line)
            elif not self._continues_block(rank, line, current, yields=yields):
                self._open_block(rank, line)
            if len(pieces) > 1:
                yield from self._completed()

    def flush(self) -> Iterator[Record]:
        """Yield all records that could be complete by now, up to the first that cannot."""
        pieces = self._pieces
        aside = self._suspended.values()
        while pieces and (not pieces[0].open or pieces[0].block.may_end or pieces[0] in aside):
            self._close(pieces[0])
            yield pieces.popleft().record()

    def close(self) -> Iterator[Record]:
        """Yield the rest: nothing follows."""
        while self._pieces:
            self._close(self._pieces[0])
            yield self._pieces.popleft().record()
        if self._start is not None and self._end > self._start:
            above = decoded(self._context.above)
            span = (self._start, self._end)
            yield Record(library=self._context.library, kind="message", text=above, span=span)

    def _completed(self) -> list[Record]:
        records = []
        pieces = self._pieces
        while len(pieces) > 1 and (not pieces[0].open or len(pieces) > _PIECES):
            self._close(pieces[0])
            records.append(pieces.popleft().record())
        return records

    def _take_blank(self, rank: int | None, line: Line) -> None:
        current = self._current.get(rank)
        if self._start is not None:
            return  # it goes with what is below, as the line above it does
        if not self._pieces:
            self._start = line.start
            return
        if current is not None:
            current.block.take(line)
        self._pieces[-1].end = line.end

    def _continues_block(self, rank: int | None, line: Line, current: _Piece | None, *, yields: bool) -> bool:
        """Give the line to what is open, if it belongs there; what is current has refused it unless it yields."""
        if current is not None and yields:
            following = self._block_of(line, self._context)
            if following is not None:
                self._append(rank, line, following)
                return True
            if current.block.take(line):
                self._extend(current, line)
                return True
        suspended = self._suspended.get(rank)
        if suspended is None:
            return False
        if suspended.block.resume(line, above=self._context.above):
            if current is not None:
                self._close(current)
            self._suspended.pop(rank)
            self._current[rank] = suspended
            self._extend(suspended, line)
            return True
        if suspended.block.complete:
            self._close(suspended)
        return False

    def _open_block(self, rank: int | None, line: Line) -> None:
        text, context = line.text, self._context
        key = (text, context.library, context.above, line.whole)
        block = self._messages.get(key, _UNKNOWN)
        if block is _UNKNOWN:
            block = self._block_of(line, context)
            if block is None and not _is_separator(text):
                block = message(line, context.library, kind="unrecognised")
            is_same_again = block is None or (isinstance(block, Single) and block.is_message)
            if is_same_again and line.whole and len(text) <= _KEPT_LENGTH:
                if len(self._messages) == _KEPT_MESSAGES:
                    self._messages.clear()
                self._messages[key] = block
        if block is None:
            self._suspend(rank, None)
            context.above = text.rstrip()
            if self._start is None:
                self._start = line.start
            return
        self._append(rank, line, block)
        if text.endswith(b"-----") and isinstance(block, Single):  # a logger may have put something before it
            context.above = text[len(text.rstrip(b"-")) :]

    def _append(self, rank: int | None, line: Line, block: Block) -> None:
        if self._current or self._suspended:
            self._suspend(rank, block)
        start = line.start if self._start is None else self._start
        if block.headed and self._start is None and self._pieces:
            start = self._pieces.pop().start  # its separator is the end of the line above
        piece = _Piece(block, rank, start, line.end)
        self._pieces.append(piece)
        if piece.open:
            self._current[rank] = piece
        self._context.above = b""
        self._context.library = block.library
        self._start = None

    def _suspend(self, rank: int | None, following: Block | None) -> None:
        """Close what is open, or put it aside if its last line is still to come."""
        current = self._current.pop(rank, None)
        if current is None:
            suspended = self._suspended.get(rank)
            if suspended is not None and type(following) is type(suspended.block):
                self._close(suspended)
            return
        if current.block.unfinished and type(following) is not type(current.block):
            if rank in self._suspended:
                self._close(self._suspended[rank])
            self._suspended[rank] = current
        else:
            current.open = False
            if type(following) is type(current.block) and rank in self._suspended:
                self._close(self._suspended[rank])

    def _extend(self, piece: _Piece, line: Line) -> None:
        """Note that `line` belongs to the block of `piece`."""
        last = self._pieces[-1]
        if last.block is piece.block and self._start is None:
            if last.rest is not None:
                last.rest.add(line.text)
            last.end = line.end
        else:
            start = line.start if self._start is None else self._start
            self._start = None
            self._context.above = b""
            rest = _Piece(piece.block, piece.rank, start, line.end)
            rest.open = False
            rest.rest = Text(line.text)
            self._pieces.append(rest)
        self._context.library = piece.block.library
        if piece.block.complete:
            self._close(piece)

    def _close(self, piece: _Piece) -> None:
        piece.open = False
        for table in (self._current, self._suspended):
            if table.get(piece.rank) is piece:
                del table[piece.rank]


def _is_separator(text: bytes) -> bool:
    return text[:3] in (b"---", b"===", b"###", b"***", b"___") and not text.rstrip().strip(text[:1])
