"""Sources of text: a file as it grows, even if it is renamed, emptied or deleted, and a pipe."""

from __future__ import annotations

import os
import queue
import signal
import stat
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

__all__ = ["Follow", "Pipe", "Source"]


class Source(ABC):
    """Where text comes from.

    Attributes
    ----------
    live
        Whether what `next` returned last was written just now; false for what a file held before.
    reading
        How much of what a file held at first was read, from 0 to 1.
    age
        Seconds that what `next` returned last was on the disk.
    notes
        Messages about the source.
    """

    live = True
    reading = 1.0
    age = 0.0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def next(self, timeout: float) -> bytes | None:
        """Return the output of the next `timeout` seconds, perhaps none; None at the end."""

    @abstractmethod
    def handle_signal(self, signum: int) -> bool:
        """Take a signal, and return whether to stop at once."""

    def pause(self) -> None:  # noqa: B027 - a file and a pipe have nothing to stop
        """Stop whatever was started for it."""

    def resume(self) -> None:  # noqa: B027 - the same
        """Let it continue."""


_CHUNK = 1 << 18
_POLL = 0.25  # seconds
_NOTE_LASTS = 60.0  # seconds
_FOREVER = float("inf")
_REMEMBERED = 64  # bytes before the current position, to notice that the file was overwritten


class Follow(Source):
    """The bytes of a file from its beginning on, those of its successors included.

    A file that takes its name (a rotated log) is read from its beginning once there is something in it and the old one
    is read to its end. The same holds for a file that was emptied or overwritten in its place. Where the old one ended
    within a line, that line gets an end: what follows does not belong to it.

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
        self.live = False
        self._note, self._note_until = "", 0.0
        self._file: FileIO | None = None
        self._identity: tuple[int, int] | None = None
        self._backlog = 0  # the size at first
        self._restart()
        try:
            self._backlog = os.fstat(self._open().fileno()).st_size
        except FileNotFoundError:
            self.live = True
            self._set_note("waiting for the log, which does not exist yet", lasting=True)
        else:
            self.reading = 0.0 if self._backlog else 1.0

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override] # a note expires
        """Messages about the file."""
        return (self._note,) if self._note and time.monotonic() < self._note_until else ()

    def next(self, timeout: float) -> bytes | None:
        """Return what was written in the next `timeout` seconds, perhaps nothing; a file never ends."""
        end = time.monotonic() + timeout
        while not (data := self._poll()):
            self.live, self.reading = True, 1.0
            if (left := end - time.monotonic()) <= 0:
                return b""
            time.sleep(min(_POLL, left))
        if self.reading < 1:
            self.reading = min(1.0, self._position / self._backlog)
        return data

    def handle_signal(self, signum: int) -> bool:  # noqa: ARG002 - as of every source
        """Take a signal: any of them ends the watch."""
        return True

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _set_note(self, note: str, *, lasting: bool = False) -> None:
        self._note = note
        self._note_until = _FOREVER if lasting else time.monotonic() + _NOTE_LASTS

    def _open(self) -> FileIO:
        """Return the file; one that was lost and is the same again is read on where it was."""
        if self._file is None:
            if stat.S_ISFIFO(self._path.stat().st_mode):
                raise OSError("it has become a pipe; watch it anew")
            self._file = open(self._path, "rb", buffering=0, opener=_open_without_waiting)  # noqa: SIM115 - closed by `close`
            status = os.fstat(self._file.fileno())
            if (identity := (status.st_dev, status.st_ino)) != self._identity:
                self._identity = identity
                self._restart()
            self._note = ""
        return self._file

    def _restart(self) -> None:
        self._position, self._before, self._sparse = 0, b"", False

    def _poll(self) -> bytes:
        """Return what is new now."""
        try:
            file = self._open()
            return self._read(file) or self._from_successor(file)
        except FileNotFoundError:
            return b""
        except OSError as error:  # rights that changed, a network file system that lost it
            self._set_note(f"the log cannot be read just now ({error.strerror or error})")
            self.close()
            return b""

    def _read(self, file: FileIO) -> bytes:
        """Return the next bytes of the file that is open."""
        status = os.fstat(file.fileno())
        if status.st_size == self._position:
            return b""
        if status.st_size < self._position or not self._is_unchanged(file):
            unfinished = self._unfinished
            self._restart()
            self._set_note("the log was emptied or overwritten; it is read from its beginning")
            if unfinished:
                return b"\n"
        self._skip_hole(file)
        file.seek(self._position)
        data = file.read(_CHUNK) or b""
        self._position += len(data)
        if self._sparse:
            data = data.lstrip(b"\0")
            self._sparse = not data
        self._before = (self._before + data)[-_REMEMBERED:]
        self.age = max(0.0, time.time() - status.st_mtime)
        return data

    def _is_unchanged(self, file: FileIO) -> bool:
        """Return whether what was read last is still there: a file can be emptied and filled again between two reads.

        Zeros are no contradiction. A writer that does not append goes on where it was, and leaves a hole before.
        """
        file.seek(self._position - len(self._before))
        before = file.read(len(self._before)) or b""
        if before == self._before:
            return True
        self._sparse = not before.strip(b"\0")
        self._before = before
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
        return bool(self._before) and self._before[-1:] not in (b"\n", b"\r")

    def _from_successor(self, file: FileIO) -> bytes:
        """Return the first bytes of the file that has the name by now, if that is another and something is in it."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._set_note("the log was deleted; a new one is read when there is one", lasting=True)
            return b""
        if (status.st_dev, status.st_ino) == self._identity:
            if self._note_until == _FOREVER:  # it was there all the time, under another name
                self._note = ""
            return b""
        if not status.st_size:
            return b""
        if data := self._read(file):  # written between our last read and the new file
            return data
        unfinished = self._unfinished
        self.close()
        successor = self._open()
        self._set_note("the log was replaced by a new file, which is read on")
        return b"\n" if unfinished else self._read(successor)


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; one that became a pipe just now would wait for its writer, and take no signal meanwhile."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


_PIPE_CHUNK = 1 << 16
_AHEAD = 16  # chunks that are read before anybody asks; then the writer has to wait, as for any slow reader


class Pipe(Source):
    """The bytes of a pipe, a terminal or a device, read by its own thread.

    A thread and not `select`, which does not know pipes everywhere.

    Attributes
    ----------
    interrupted
        Whether Ctrl-C came.

    Parameters
    ----------
    open_pipe
        Returns the file descriptor; it may wait, as it does for the writer of a named pipe.
    note
        Message until something comes.
    ours
        Whether to close the descriptor at the end.
    """

    def __init__(self, open_pipe: Callable[[], int], *, note: str, ours: bool = False) -> None:
        self.notes = (note,)
        self._open_pipe, self._ours = open_pipe, ours
        self._chunks: queue.SimpleQueue[bytes | OSError | None] = queue.SimpleQueue()
        self._slots = threading.Semaphore(_AHEAD)
        self._ended = self.interrupted = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            descriptor = self._open_pipe()
            while data := os.read(descriptor, _PIPE_CHUNK):
                self._slots.acquire()
                self._chunks.put(data)
            if self._ours:
                os.close(descriptor)
        except OSError as error:
            self._chunks.put(error)
        self._chunks.put(None)

    def next(self, timeout: float) -> bytes | None:
        """Return the output of the next `timeout` seconds, perhaps none; None at the end.

        Raises
        ------
        OSError
            If the pipe cannot be read.
        """
        if self._ended:
            return None
        try:
            data = self._chunks.get(timeout=timeout) if timeout else self._chunks.get_nowait()
        except queue.Empty:
            return b""
        if isinstance(data, OSError):
            raise data
        self._slots.release()
        self._ended = data is None
        if not self.interrupted or self._ended:
            self.notes = ()
        return data

    def handle_signal(self, signum: int) -> bool:
        """Take a signal. Ctrl-C reaches the writer too, whose remaining output is read first."""
        if signum != signal.SIGINT or self.interrupted:
            return True
        self.interrupted = True
        self.notes = ("interrupted; reading the rest (Ctrl-C again stops that)",)
        return False
