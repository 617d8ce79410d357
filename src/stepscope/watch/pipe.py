"""Read a pipe, never waiting longer than asked."""

from __future__ import annotations

import os
import queue
import signal
import threading
from typing import TYPE_CHECKING

from stepscope.watch.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pipe"]

_CHUNK = 1 << 16
_AHEAD = 16  # chunks that are read before anybody asks; then the writer has to wait, as for any slow reader


class Pipe(Source):
    """The bytes of a pipe, a terminal or a device, read by a thread of its own.

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
            while data := os.read(descriptor, _CHUNK):
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
