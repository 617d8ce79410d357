"""Run a function in a process that has done nothing else, and survive whatever happens there."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import Any

from stepscope.errors import BadInputError
from stepscope.measure._once import ask_once

__all__ = ["MeasurementFailedError", "fresh"]

# Apple's libraries do not survive a fork, and torch loads them.
_FORKS = hasattr(os, "fork") and sys.platform != "darwin"


class MeasurementFailedError(RuntimeError):
    """A measurement's process raised, died or took too long.

    Attributes
    ----------
    reason
        What happened, in one line.
    last_words
        The last lines that the process printed.
    """

    def __init__(self, target: str, reason: str, last_words: str) -> None:
        said = f"\nIts last words:\n{last_words}" if last_words else ""
        super().__init__(f"The measurement {target} {reason}.{said}")
        self.reason = reason
        self.last_words = last_words


def fresh(target: str, *, limit: float = 60.0, **arguments: Any) -> Any:  # noqa: ANN401 - whatever JSON can say
    """Call a function in a fresh process and return what it returns.

    The process has torch imported and has run nothing with it. It uses one thread, so that measurements made at
    different times compare, and prints nowhere.

    Parameters
    ----------
    target
        ``"module:function"``, importable with this process's ``sys.path``.
    limit
        Time after which the process is killed, in seconds, not counting the import of torch.
    **arguments
        Passed on; they and the result must be what JSON can hold.

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    BadInputError
        The function raised it, or the arguments do not fit in JSON.
    MeasurementFailedError
        The function raised anything else, or its process was killed or took longer than the limit.

    Examples
    --------
    >>> fresh("platform:python_implementation")
    'CPython'
    """
    request = {"target": target, "limit": limit, "path": sys.path, "cwd": os.getcwd()}  # noqa: PTH109 - text, for JSON
    try:
        line = json.dumps({**request, "arguments": arguments})
    except TypeError as error:
        raise BadInputError(f"{target} cannot be measured with these arguments: {error}.") from error
    answer = _server.ask(line, limit=limit)
    if "result" in answer:
        return answer["result"]
    if "bad_input" in answer:
        raise BadInputError(answer["bad_input"])
    raise MeasurementFailedError(target, answer["reason"], answer["last_words"])


class _Server:
    """The process that imports torch once and forks one child per measurement; without forks, one process for each."""

    def __init__(self, *, forks: bool = _FORKS) -> None:
        self._forks = forks
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()  # one measurement at a time: two would disturb each other
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def ask(self, line: str, *, limit: float) -> dict[str, Any]:
        with self._lock:
            if not self._forks:
                return ask_once(line, limit=limit, environment=environment())
            process = self._running()
            assert process.stdin is not None  # noqa: S101 - for the type checker
            assert process.stdout is not None  # noqa: S101 - the same
            try:
                process.stdin.write(line + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = ""
            except BaseException:
                process.kill()  # interrupted: the answer to this request must not be read as the next one's
                raise
            if not answer:
                self.stop()
                return {"reason": f"ended with exit code {process.returncode}", "last_words": ""}
            return dict(json.loads(answer))

    def stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        _close(process)
        try:
            process.wait(timeout=2)  # it ends with its input
        except subprocess.TimeoutExpired:
            # Another process of ours was forked meanwhile and holds the other end of that input.
            process.kill()
            process.wait()

    def _forget(self) -> None:
        """Leave the server to the process that this one was forked from: two must not read each other's answers."""
        self._lock = threading.Lock()
        if self._process is not None:
            _close(self._process)
            self._process.returncode = 0  # not ours to wait for
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stepscope.measure._server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=environment(),
            )
        return self._process


def environment() -> dict[str, str]:
    """Return this process's environment variables, with one thread and without warnings."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def _close(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what a dead server has not read is lost anyway
                pipe.close()


_server = _Server()
