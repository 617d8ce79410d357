"""Run a command, read its output, and collect signals and pass them on to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from stepscope._common.exit_status import SIGNAL_STATUS
from stepscope.errors import BadInputError
from stepscope.watch.source import Pipe, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

    from typing_extensions import Self

__all__ = ["STOP", "Child", "Signals"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
STOP = getattr(signal, "SIGTSTP", None)
"""Sent by Ctrl-Z, where there is such a signal."""


class Signals:
    """Collects the signals that ask to end or to stop, while it is entered.

    One that is ignored stays so, as under ``nohup``.
    """

    def __init__(self) -> None:
        self._arrived: deque[int] = deque()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        signums = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        for signum in (*signums, *([] if STOP is None else [STOP])):
            before = signal.getsignal(signum)
            if before is not signal.SIG_IGN:
                self._before[signum] = before
                signal.signal(signum, self._collect)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, before in self._before.items():
            signal.signal(signum, before)  # type: ignore[arg-type] # what getsignal returned

    def _collect(self, signum: int, _frame: FrameType | None) -> None:
        self._arrived.append(signum)

    def pending(self) -> Iterator[int]:
        """Yield the signals that have arrived, and forget them."""
        while self._arrived:
            yield self._arrived.popleft()

    def stop(self) -> None:
        """Stop this process as Ctrl-Z does; return when it is told to continue."""
        if STOP is not None and STOP in self._before:
            signal.signal(STOP, signal.SIG_DFL)
            os.kill(os.getpid(), STOP)
            signal.signal(STOP, self._collect)


_GRACE = 1.0  # seconds for processes that an ended command left behind, with its output still open
_PATIENCE = 2.0  # seconds
_REQUESTS = (
    (signal.SIGINT, "interrupted; waiting for the run to end (Ctrl-C again terminates it)"),
    (signal.SIGTERM, "terminated; waiting for the run to end (Ctrl-C again kills it)"),
    (getattr(signal, "SIGKILL", signal.SIGTERM), "killed; waiting for the run to end"),
)


class Child(Source):
    """A command that runs in its own process group, standard output and standard error in one pipe.

    Ctrl-C reaches it through us alone, once, and not from the terminal as well. So it has no keyboard either:
    where standard input is a terminal, it gets an empty one.

    Parameters
    ----------
    command
        Program and arguments. ``PYTHONUNBUFFERED=1`` is set for it unless the environment says otherwise, since
        Python keeps what it prints into a pipe until there are 8 KiB of it.

    Raises
    ------
    BadInputError
        If it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        reading, writing = os.pipe()
        try:
            self._process = _start(command, writing)
        except (OSError, ValueError) as error:
            os.close(reading)
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise BadInputError(
                f"{command[0]} cannot be started ({reason}); check the command after --."
            ) from None
        finally:
            os.close(writing)
        self._pipe = Pipe(lambda: reading, note="", ours=True)
        self._ended_at: float | None = None
        self._requests, self._requested_at = 0, 0.0

    def next(self, timeout: float) -> bytes | None:
        """Return its output of the next `timeout` seconds, perhaps none; None when it has ended."""
        began = time.monotonic()
        data = self._pipe.next(timeout)
        if data:
            self._ended_at = None
            return data
        ended = self._process.poll() is not None
        if ended:
            self.notes = ()
        if data is None:
            if not ended:  # it closed its output and continues
                time.sleep(max(0.0, timeout - (time.monotonic() - began)))
            return None if ended else b""
        if ended:
            self._ended_at = self._ended_at or began
            if time.monotonic() - self._ended_at > _GRACE:
                return None
        return b""

    def handle_signal(self, signum: int) -> bool:
        """Pass a signal on; a second Ctrl-C, a while after the first, terminates, and a third one kills."""
        if signum != signal.SIGINT:
            self._send(signum)
            return False
        now = time.monotonic()
        if self._requests and now - self._requested_at < _PATIENCE:
            return False  # pressed twice in a hurry: a run may be saving its work
        signum, note = _REQUESTS[min(self._requests, len(_REQUESTS) - 1)]
        self._requests, self._requested_at = self._requests + 1, now
        self.notes = (note,)
        self._send(signum)
        return False

    def pause(self) -> None:
        """Stop the command."""
        if STOP is not None:
            self._send(STOP)

    def resume(self) -> None:
        """Let the command continue."""
        if STOP is not None:
            self._send(signal.SIGCONT)

    def _send(self, signum: int) -> None:
        """Send a signal to the command and to all that it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signum)
            else:
                self._process.send_signal(signum)

    @property
    def status(self) -> int:
        """Exit status as a shell gives it: 128 and the signal's number if that ended it."""
        code = self._process.wait()
        return code if code >= 0 else SIGNAL_STATUS - code

    @property
    def interrupted(self) -> bool:
        """Whether it was asked to end."""
        return self._requests > 0


def _start(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    keyboard = sys.stdin is None or sys.stdin.closed or sys.stdin.isatty()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if keyboard else None,
        stdout=output,
        stderr=output,
        env={"PYTHONUNBUFFERED": "1", **os.environ},
        **_new_group(),
    )


def _new_group() -> dict[str, Any]:
    """Return options that start a command in its own process group.

    A new session would not do: outside of the terminal's, Ctrl-Z is ignored.
    """
    if os.name != "posix":
        return {}
    return {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}
