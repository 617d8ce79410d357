"""A command under its own supervisor, which ends all of it when it must, and when this process has ended."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._host_memory import MEMORY_SHARE, available_host_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SupervisedProcess"]

_PATIENCE = (
    10.0  # seconds that a supervisor has to end the command; it goes on by itself if that takes longer
)
_TICK = 1.0  # seconds between two checks of whether the supervisor itself was stopped

_living: set[SupervisedProcess] = set()


class SupervisedProcess:
    """A running command, supervised by `stepscope.measure._supervisor`; nothing of it outlives this process.

    Parameters
    ----------
    command
        The program and its arguments.
    environment
        Its environment variables.
    limit_seconds
        Time after which it is ended; None is none.
    limit_bytes
        Memory of all its processes together beyond which they are ended; None is 95 % of what is available now.
    limit_asked_bytes
        Private memory that each process may ask for; None is no limit.
    interval
        Seconds between two samples of the memory while there is much left of it.
    files
        Descriptors of its standard input and output. None is nothing to read, and standard output together with standard
        error, the end of which is in the report.
    merged
        Whether standard error goes where standard output goes.

    Raises
    ------
    BadInputError
        This is not Linux.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        limit_seconds: float | None = None,
        limit_bytes: int | None = None,
        limit_asked_bytes: int | None = None,
        interval: float = 0.0,
        files: tuple[int | None, int | None] = (None, None),
        merged: bool = False,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise BadInputError("memory is measured on Linux only.")
        self._limit = limit_bytes if limit_bytes is not None else int(MEMORY_SHARE * available_host_bytes())
        request = {
            "command": list(command),
            "environment": dict(environment),
            "limit_seconds": limit_seconds,
            "limit_bytes": self._limit,
            "limit_asked_bytes": limit_asked_bytes,
            "interval": interval,
            "stdin": files[0],
            "stdout": files[1],
            "merged": merged,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from stepscope.measure._supervisor import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[file for file in files if file is not None],
            start_new_session=True,  # Ctrl-C is for this process, which then lets go of the other's standard input
        )
        _living.add(self)
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has been killed; the report says so
        except BaseException:
            self.end()
            raise

    @property
    def ended(self) -> bool:
        """Whether it has ended, and its supervisor."""
        return self._process.poll() is not None

    def report(self) -> dict[str, Any]:
        """Wait until the command has ended, with all that it started, and return how that went.

        It is what the supervisor reports, and ``limit_bytes``; or only that and ``lost``, how the supervisor itself ended.
        """
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        ready = select.poll()
        ready.register(self._process.stdout, select.POLLIN)
        try:
            while not ready.poll(1e3 * _TICK):
                self._process.send_signal(signal.SIGCONT)  # the command may have stopped it
            line = self._process.stdout.readline()
            if line:
                self._process.kill()  # its work is done, and whoever has stopped it must not keep us waiting
        finally:
            self.end()
        return {
            "limit_bytes": self._limit,
            **(json.loads(line) if line else {"lost": self._process.returncode}),
        }

    def stop(self) -> None:
        """Ask for the end of the command and of all that it started, and do not wait: `report` does."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(OSError):  # what a dead process has not read
            self._process.stdin.close()

    def end(self) -> None:
        """End the command and all that it started, if it still runs, and wait until that is done."""
        self.stop()
        for _ in range(int(_PATIENCE / _TICK)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK)
                break
            self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._process.stdout.close()
        _living.discard(self)

    def forget(self) -> None:
        """Leave it to the process that this one was forked from."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.returncode = 0  # not ours to wait for
        _living.discard(self)


def _end_all() -> None:
    for process in list(_living):
        process.end()


def _forget_all() -> None:
    for process in list(_living):
        process.forget()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    # A child's copy of a pipe would let a command outlive this process.
    os.register_at_fork(after_in_child=_forget_all)
