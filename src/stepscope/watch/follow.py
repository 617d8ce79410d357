"""Follow a file as it grows, through all that happens to logs: they are renamed, emptied, deleted, or not there yet."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO

__all__ = ["Follow"]

_CHUNK = 1 << 18
_POLL = 0.25  # seconds
_NOTED = 60.0  # seconds for which a note is shown that is no news any more
_FOREVER = float("inf")
_REMEMBERED = 64  # bytes before the place that was read last, to notice that the file became another


class Follow:
    """The bytes of a file from its beginning on, those of its successors included.

    A file that takes its name (a rotated log) is read from its beginning once there is something in it and the old one
    is read to its end. The same holds for a file that was emptied or overwritten in its place. Where the old one ended
    within a line, that line gets an end: what follows does not belong to it.

    Attributes
    ----------
    live
        Whether what `next` returned last was written just now; false for what the file held before.
    reading
        How much of what the file held at first was read, from 0 to 1.
    age
        Seconds that what `next` returned last was on the disk.

    Parameters
    ----------
    path
        The file, which need not exist yet.

    Raises
    ------
    OSError
        If the file is there and cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.live, self.reading, self.age = False, 1.0, 0.0
        self._note, self._noted_until = "", 0.0
        self._file: FileIO | None = None
        self._identity: tuple[int, int] | None = None
        self._behind = 0  # the size at first
        self._restart()
        try:
            self._behind = os.fstat(self._opened().fileno()).st_size
        except FileNotFoundError:
            self.live = True
            self._say("waiting for the log, which does not exist yet", lasting=True)
        else:
            self.reading = 0.0 if self._behind else 1.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say about the file."""
        return (self._note,) if self._note and time.monotonic() < self._noted_until else ()

    def next(self, timeout: float) -> bytes | None:
        """Return what was written within `timeout` seconds; nothing if nothing was. It never ends."""
        end = time.monotonic() + timeout
        while not (data := self._poll()):
            self.live, self.reading = True, 1.0
            if (left := end - time.monotonic()) <= 0:
                return b""
            time.sleep(min(_POLL, left))
        if self.reading < 1:
            self.reading = min(1.0, self._position / self._behind)
        return data

    def told(self, number: int) -> bool:  # noqa: ARG002 - as of every source
        """Take a signal: each of them ends the watching."""
        return True

    def pause(self) -> None:
        """Do nothing: the run is not ours."""

    resume = pause

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, note: str, *, lasting: bool = False) -> None:
        self._note = note
        self._noted_until = _FOREVER if lasting else time.monotonic() + _NOTED

    def _opened(self) -> FileIO:
        """Return the file; one that was lost and is the same again is read on where it was."""
        if self._file is None:
            if stat.S_ISFIFO(self._path.stat().st_mode):
                raise OSError("it is a pipe by now; watch it anew")
            self._file = open(self._path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115 - closed by `close`
            status = os.fstat(self._file.fileno())
            if (identity := (status.st_dev, status.st_ino)) != self._identity:
                self._identity = identity
                self._restart()
            self._note = ""
        return self._file

    def _restart(self) -> None:
        self._position, self._known, self._sparse = 0, b"", False

    def _poll(self) -> bytes:
        """Return what is new now."""
        try:
            file = self._opened()
            return self._read(file) or self._from_successor(file)
        except FileNotFoundError:
            return b""
        except OSError as error:  # rights that changed, a network file system that lost it
            self._say(f"the log cannot be read just now ({error.strerror or error})")
            self.close()
            return b""

    def _read(self, file: FileIO) -> bytes:
        """Return the next bytes of the file that is open."""
        status = os.fstat(file.fileno())
        if status.st_size == self._position:
            return b""
        if status.st_size < self._position or not self._is_same(file):
            unfinished = self._unfinished
            self._restart()
            self._say("the log was emptied or overwritten; it is read from its beginning")
            if unfinished:
                return b"\n"
        self._skip_hole(file)
        file.seek(self._position)
        data = file.read(_CHUNK) or b""
        self._position += len(data)
        if self._sparse:
            data = data.lstrip(b"\0")
            self._sparse = not data
        self._known = (self._known + data)[-_REMEMBERED:]
        self.age = max(0.0, time.time() - status.st_mtime)
        return data

    def _is_same(self, file: FileIO) -> bool:
        """Say whether what was read last still stands there: a file can be emptied and filled again between two looks.

        Zeros are no contradiction. A writer that does not append goes on where it was, and leaves a hole before.
        """
        file.seek(self._position - len(self._known))
        before = file.read(len(self._known)) or b""
        if before == self._known:
            return True
        self._sparse = not before.strip(b"\0")
        self._known = before
        return self._sparse

    def _skip_hole(self, file: FileIO) -> None:
        """Go to the first data of a file that begins with nothing."""
        if self._position or not hasattr(os, "SEEK_DATA"):
            return
        try:
            self._position = os.lseek(file.fileno(), 0, os.SEEK_DATA)
        except OSError:  # there is no data, or the file system cannot tell
            return
        self._sparse = self._position > 0

    @property
    def _unfinished(self) -> bool:
        return bool(self._known) and self._known[-1:] not in (b"\n", b"\r")

    def _from_successor(self, file: FileIO) -> bytes:
        """Return the first bytes of the file that has the name by now, if that is another and something is in it."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            self._say("the log was deleted; a new one is read when there is one", lasting=True)
            return b""
        if (there.st_dev, there.st_ino) == self._identity:
            if self._noted_until == _FOREVER:  # it was there all the time, under another name
                self._note = ""
            return b""
        if not there.st_size:
            return b""
        if data := self._read(file):  # written between our last look and the new file
            return data
        unfinished = self._unfinished
        self.close()
        successor = self._opened()
        self._say("the log was replaced by a new file, which is read on")
        return b"\n" if unfinished else self._read(successor)


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; one that became a pipe just now would wait for its writer, and take no signal meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
