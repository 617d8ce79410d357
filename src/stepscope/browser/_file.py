"""A file that the reader chose, or text that was pasted, as a file that Python reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs import Records, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BrowserFile"]

_CHUNK = 1 << 18


class BrowserFile:
    r"""A log in the browser, of which a slice at a time is in memory.

    Parameters
    ----------
    name
        Name that is shown.
    size
        Bytes.
    read_slice
        Returns the bytes from one offset to another.
    complete
        Whether the last line counts as complete without a line end, as in text that was pasted.
    progress
        Called with the number of bytes that have been read, before each slice.

    Examples
    --------
    >>> log = b"Using cpu device\n"
    >>> file = BrowserFile("train.log", len(log), lambda begin, end: log[begin:end])
    >>> [record.library for record in file.records()]
    ['sb3']
    """

    def __init__(
        self,
        name: str,
        size: int,
        read_slice: Callable[[int, int], bytes],
        *,
        complete: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self.name, self.size = name, size
        self._read_slice, self._complete, self._progress = read_slice, complete, progress

    def records(self, *, num_envs: int | None = None) -> Records:
        """Return the records of the log, as `stepscope.logs.read` yields them of a file."""
        return Records(stream(self._chunks(), num_envs=num_envs, cut=not self._complete))

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes from `begin` to `end`, as far as the log has them."""
        begin = max(0, begin)
        end = min(end, self.size)
        return self._read_slice(begin, end) if begin < end else b""

    def _chunks(self) -> Iterator[bytes]:
        for begin in range(0, self.size, _CHUNK):
            if self._progress is not None:
                self._progress(begin)
            yield self.read(begin, begin + _CHUNK)
