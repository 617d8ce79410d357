"""From lines to records: lines that belong together are put together, be there lines of others between them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from stepscope.logs._blocks import Single, Text, decoded, message
from stepscope.logs._ranks import apart, named
from stepscope.logs._records import Record, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line

__all__ = ["Assembly"]

# A block whose lines others interrupt is waited for so long, in pieces that are held back meanwhile.
_PIECES = 256


class _Piece:
    """Lines that stand together: a block, or what goes on of one below the lines of others."""

    __slots__ = ("block", "end", "open", "rank", "rest", "start")

    def __init__(self, block: Block, *, rank: int | None, start: int, end: int) -> None:
        self.block = block
        self.rank = rank
        self.start = start
        self.end = end
        self.open = not isinstance(block, Single)
        self.rest: Text | None = None

    def record(self) -> Record:
        span = (self.start, self.end)
        if self.rest is None:
            record = self.block.record(span)
        else:
            record = Record(library=self.block.library, kind="message", text=str(self.rest), span=span)
        rank = self.rank
        if rank is None and record.kind == "message" and record.text:
            rank = named(record.text)
        return record if rank is None else put(record, rank=rank)


class Assembly:
    """Takes lines and gives records, whose spans have no gaps.

    A blank line goes with what is above it, a separator (``-----``) that no block takes with what is below it.
    At the start of the input a blank line can only go with what is below, at its end a separator with nothing:
    that one becomes a message. The record of a block that others interrupt has the span of its first lines; its
    other lines are messages.
    """

    def __init__(self, context: Context, begin: Callable[[Line, Context], Block | None]) -> None:
        self._context = context
        self._begin = begin
        self._pieces: deque[_Piece] = deque()
        self._current: dict[int | None, _Piece] = {}
        self._suspended: dict[int | None, _Piece] = {}
        self._start: int | None = None  # where lines start that go with what is below
        self._end = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is open: the next line begins something."""
        return not self._current and not self._suspended and self._start is None

    def put(self, line: Line) -> None:
        """Take the next line."""
        rank, line = apart(line)
        self._end = line.end
        if not line.text or line.text.isspace():
            self._blank(rank, line)
        elif not self._goes_on(rank, line):
            self._open(rank, line)

    def ready(self) -> Iterator[Record]:
        """Yield the records that are complete; the last stays, as a blank line may follow."""
        pieces = self._pieces
        while len(pieces) > 1 and (not pieces[0].open or len(pieces) > _PIECES):
            self._close(pieces[0])
            yield pieces.popleft().record()

    def flush(self) -> Iterator[Record]:
        """Yield all records that could be complete by now, up to the first that cannot."""
        pieces = self._pieces
        aside = self._suspended.values()
        while pieces and (not pieces[0].open or pieces[0].block.may_end or pieces[0] in aside):
            self._close(pieces[0])
            yield pieces.popleft().record()

    def finish(self) -> Iterator[Record]:
        """Yield the rest: nothing follows."""
        while self._pieces:
            self._close(self._pieces[0])
            yield self._pieces.popleft().record()
        if self._start is not None and self._end > self._start:
            above = decoded(self._context.above)
            span = (self._start, self._end)
            yield Record(library=self._context.library, kind="message", text=above, span=span)

    def _blank(self, rank: int | None, line: Line) -> None:
        current = self._current.get(rank)
        if self._start is not None:
            return  # it goes with what is below, as the line above it does
        if not self._pieces:
            self._start = line.start
            return
        if current is not None:
            current.block.take(line)
        self._pieces[-1].end = line.end

    def _goes_on(self, rank: int | None, line: Line) -> bool:
        """Give the line to what is open, if it belongs there."""
        current = self._current.get(rank)
        if current is not None:
            following = self._begin(line, self._context) if current.block.yields else None
            if following is None and current.block.take(line):
                self._extend(current, line)
                return True
            if following is not None:
                self._append(rank, line, following)
                return True
        suspended = self._suspended.get(rank)
        if suspended is not None and suspended.block.resume(line, above=self._context.above):
            if current is not None:
                self._close(current)
            self._suspended.pop(rank)
            self._current[rank] = suspended
            self._extend(suspended, line)
            return True
        if suspended is not None and suspended.block.complete:
            self._close(suspended)
        return False

    def _open(self, rank: int | None, line: Line) -> None:
        text = line.text
        block = self._begin(line, self._context)
        if block is None and _is_separator(text):
            self._leave(rank, None)
            self._context.above = text.rstrip()
            if self._start is None:
                self._start = line.start
            return
        block = block or message(line, self._context.library, kind="unrecognised")
        self._append(rank, line, block)
        if isinstance(block, Single) and text.endswith(b"-----"):  # a logger may have put something before it
            self._context.above = text[len(text.rstrip(b"-")) :]

    def _append(self, rank: int | None, line: Line, block: Block) -> None:
        self._leave(rank, block)
        start = line.start if self._start is None else self._start
        if (
            block.headed and self._start is None and self._pieces
        ):  # its separator is the end of the line above
            start = self._pieces.pop().start
        piece = _Piece(block, rank=rank, start=start, end=line.end)
        self._pieces.append(piece)
        if piece.open:
            self._current[rank] = piece
        self._context.above = b""
        self._context.library = block.library
        self._start = None

    def _leave(self, rank: int | None, following: Block | None) -> None:
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
            rest = _Piece(piece.block, rank=piece.rank, start=start, end=line.end)
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
