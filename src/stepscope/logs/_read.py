"""The two ways in: a file of any kind, and text that is at hand."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.logs import _deaths, _python
from stepscope.logs._assembly import RecordAssembler
from stepscope.logs._blocks import Context, message
from stepscope.logs._lines import Splitter
from stepscope.logs._prefix import PrefixStripper
from stepscope.logs._records import Record
from stepscope.logs._runs import RunBoundaries
from stepscope.logs._table import Records
from stepscope.logs._values import parse_bar
from stepscope.logs.libraries import BY_KEY, LIBRARIES
from stepscope.logs.libraries.skrl import SKRL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepscope.logs._blocks import Block
    from stepscope.logs._lines import Line
    from stepscope.logs._prefix import Stamps

__all__ = ["read", "reads", "stream", "understand"]

_CHUNK = 1 << 18


def read(log: str | Path | IO[bytes] | IO[str], *, num_envs: int | None = None) -> Records:
    r"""Return a record for each thing that was printed into a log, in order, as they are read.

    The libraries are recognised from the text, and a log may hold several. Lines before the first that is a
    library's own (as far as they lie within the last 64 KiB) are taken to be that library's too; a line that no
    library owns, such as a traceback, counts to the library that printed before it.

    Memory stays constant however long the log or a line of it is. The file may be cut off anywhere: if its last
    line has no end, a number at the very end of it may lack digits and is left out.

    Parameters
    ----------
    log
        Path of the log, or a file that is open for reading. Of a file that yields text, spans count the bytes of
        that text in UTF-8.
    num_envs
        Number of environments of the run, where you know it. skrl prints vector steps only; with `num_envs`, its
        records have ``env_steps``, which is the number of vector steps times `num_envs`.

    Returns
    -------
    Records
        An iterator of `Record`, which can also make a data frame of them. Their spans cover the input exactly once,
        in order. A blank line goes with the record above it, a separator such as ``------`` with its table or else
        with the record below it. A failure is a whole traceback with those that led to it; the message of its
        exception ends at a blank line or at one that some library prints.

    Raises
    ------
    BadInputError
        If `num_envs` is not at least 1.
    OSError
        If the file cannot be opened or read.

    Examples
    --------
    >>> import io
    >>> file = io.StringIO("Using cpu device\nLogging to runs/PPO_1\n")
    >>> [(record.library, record.kind, record.span) for record in read(file)]
    [('sb3', 'message', (0, 17)), ('sb3', 'message', (17, 39))]
    """
    return Records(stream(_chunks(log), num_envs=num_envs))


def reads(log: str | bytes, *, num_envs: int | None = None) -> Records:
    """Return a record for each thing in `log`, which is text at hand and not the path of a file.

    The same as `read`, except that the text counts as complete: its last line may do without an end.

    Parameters
    ----------
    log
        What was printed. Of a `str`, spans count the bytes of its UTF-8 form.
    num_envs
        As for `read`.

    Returns
    -------
    Records
        As from `read`.

    Examples
    --------
    >>> bar = " 40%|████      | 64/160 [00:00<00:00, 570.95it/s]"
    >>> [record] = reads(bar, num_envs=32)
    >>> record.iteration, record.iterations, record.env_steps, record.metrics
    (64, 160, 2048, {'it/s': 570.95})
    """
    data = _encoded(log) if isinstance(log, str) else bytes(log)
    parts = (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))
    return Records(stream(parts, num_envs=num_envs, cut=False))


def _chunks(log: str | Path | IO[Any]) -> Iterator[bytes]:
    if isinstance(log, (str, Path)):
        with Path(log).open("rb", buffering=0) as file:
            yield from _chunks(file)
        return
    # What a pipe holds now is better than a full chunk later.
    get = getattr(log, "read1", log.read)
    while chunk := get(_CHUNK):
        yield _encoded(chunk) if isinstance(chunk, str) else chunk


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


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

    An empty chunk shows that nothing has come for a while: what could be complete is yielded. Without a `stripper`,
    the prefix of the lines is learnt from the log.
    """
    if num_envs is not None and num_envs < 1:
        raise BadInputError(
            f"num_envs is {num_envs}; give the number of environments of the run, at least 1."
        )
    stripper = PrefixStripper(understand) if stripper is None else stripper
    untimed = _records(chunks, stripper, Context(num_envs=num_envs), cut=cut)
    records = _with_first_library(_with_times(untimed, stripper.stamps))
    return map(RunBoundaries().assign, records)


def understand(lines: list[Line]) -> tuple[int, bool]:
    """Return how many bytes of some lines are recognised, and whether a training library printed any of them."""
    assembler = RecordAssembler(Context(), _open_block)
    records = [*assembler.feed(lines), *assembler.close()]
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
        yield from assembler.feed(stripper.feed(splitter.feed(chunk) if chunk else splitter.flush()))
        if not chunk:
            yield from assembler.feed(stripper.flush())
            yield from assembler.flush()
            yield None
    yield from assembler.feed((*stripper.feed(splitter.close()), *stripper.flush()))
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
    return _deaths.open_block(line, context) or _python.open_block(line, context)


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
