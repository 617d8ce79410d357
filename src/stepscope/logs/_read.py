"""The two ways in: a file of any kind, and text that is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.logs._rows import Records
from stepscope.logs._stream import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read", "reads"]

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
    return Records(stream(_chunks(log), num_envs=_checked(num_envs)))


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
    return Records(stream(parts, num_envs=_checked(num_envs), cut=False))


def _checked(num_envs: int | None) -> int | None:
    if num_envs is not None and num_envs < 1:
        raise BadInputError(
            f"num_envs is {num_envs}; give the number of environments of the run, at least 1."
        )
    return num_envs


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
