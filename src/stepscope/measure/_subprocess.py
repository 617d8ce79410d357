"""Run a function in its own process, and survive whatever happens there."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from io import FileIO
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from stepscope.errors import BadInputError
from stepscope.measure._outcome import classify_outcome
from stepscope.measure._supervised import SupervisedProcess
from stepscope.measure._worker import describe_unanswered, format_tail

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WORKER", "MeasurementFailedError", "encode_request", "environment", "run_in_subprocess"]

WORKER = (sys.executable, "-c", "from stepscope.measure._worker import main; main()")
"""Command that answers the request on its standard input."""

_FORKS = sys.platform.startswith("linux")  # Apple's libraries do not survive a fork, and torch loads them
_LATE = b"late"
_START_UP = 60.0  # seconds that a process may take to import torch, beyond its limit
_INTERVAL = (
    0.1  # seconds between two samples of the memory while there is much left of it: they take time, too
)


class MeasurementFailedError(RuntimeError):
    """A measurement's process raised, died or took too long.

    Attributes
    ----------
    reason
        What happened, in one line.
    output_tail
        The last lines that the process printed.
    """

    def __init__(self, target: str, reason: str, output_tail: str) -> None:
        tail = f"\nThe last lines that it printed:\n{output_tail}" if output_tail else ""
        super().__init__(f"The measurement {target} {reason}.{tail}")
        self.reason = reason
        self.output_tail = output_tail


def run_in_subprocess(target: str, *, limit: float = 60.0, **arguments: Any) -> Any:  # noqa: ANN401 - whatever JSON can say
    """Call a function in a fresh process and return what it returns.

    The process has torch imported and has run nothing with it. It uses one thread, so that measurements made at
    different times compare, and prints nowhere.

    Parameters
    ----------
    target
        ``"module:function"``, importable with this process's ``sys.path``.
    limit
        Time after which the process is killed, in seconds, not counting the import of torch. On Linux it is killed as
        well where it takes 95 % of the memory that was available, with all that it starts and the files in memory that
        it makes.
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
    >>> run_in_subprocess("platform:python_implementation")
    'CPython'
    """
    request = encode_request(target, arguments, limit=limit)
    answer = _server.ask(request, limit=limit)
    if "result" in answer:
        return answer["result"]
    if "bad_input" in answer:
        raise BadInputError(answer["bad_input"])
    raise MeasurementFailedError(target, answer["reason"], answer["output_tail"])


def encode_request(target: str, arguments: Mapping[str, Any], *, limit: float, preload: bool = True) -> bytes:
    """Return the request to call a target, one line of JSON for `stepscope.measure._worker`.

    Raises
    ------
    BadInputError
        The arguments do not fit in JSON.
    """
    request = {
        "target": target,
        "arguments": arguments,
        "limit": limit,
        "preload": preload,
        "path": sys.path,
        "cwd": os.getcwd(),  # noqa: PTH109 - text, for JSON
    }
    try:
        return json.dumps(request).encode() + b"\n"
    except TypeError as error:
        raise BadInputError(f"{target} cannot be measured with these arguments: {error}.") from error


class _Connection(NamedTuple):
    """A server and the pipes to it."""

    process: SupervisedProcess
    requests: FileIO
    answers: IO[bytes]


class _Server:
    """The process that imports torch once and forks one child per measurement; without forks, one process for each."""

    def __init__(self, *, forks: bool = _FORKS, limit_bytes: int | None = None) -> None:
        self._forks = forks
        self._limit = limit_bytes
        self._server: _Connection | None = None
        self._lock = threading.Lock()  # one measurement at a time: two would disturb each other
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def ask(self, request: bytes, *, limit: float) -> dict[str, Any]:
        with self._lock:
            if not self._forks:
                return _run_once(request, limit=limit)
            try:
                answer = self._exchange(request, seconds=limit + _START_UP)
            except BaseException:
                self.stop()  # interrupted: the answer to this request must not be read as the next one's
                raise
            if answer.endswith(b"\n"):
                return dict(json.loads(answer))
            if answer is _LATE:
                self.stop()
                return {"reason": f"took longer than {limit:g} s", "output_tail": ""}
            return self._report_end(limit)

    def _exchange(self, line: bytes, *, seconds: float) -> bytes:
        """Return the server's answer; less if it has ended, and `_LATE` if there is none in time."""
        if self._server is not None and self._server.process.ended:
            self.stop()
        server = self._server or self._start()
        try:
            while line:
                line = line[server.requests.write(line) :]
        except BrokenPipeError:
            return b""
        ready = select.poll()
        ready.register(server.answers, select.POLLIN)
        return server.answers.readline() if ready.poll(1e3 * seconds) else _LATE

    def _start(self) -> _Connection:
        reading, requests = os.pipe()
        answers, writing = os.pipe()
        try:
            process = SupervisedProcess(
                [sys.executable, "-m", "stepscope.measure._fork_server"],
                environment=environment(),
                limit_bytes=self._limit,
                interval=_INTERVAL,
                files=(reading, writing),
            )
        finally:
            os.close(reading)
            os.close(writing)
        self._server = _Connection(process, FileIO(requests, "w"), os.fdopen(answers, "rb"))
        return self._server

    def _report_end(self, limit: float) -> dict[str, Any]:
        """Return why the server has ended, and with it the measurement."""
        assert self._server is not None  # noqa: S101 - for the type checker
        report = self._server.process.report()
        self.stop()
        _, reason = classify_outcome(report, answer={}, limit_seconds=limit)
        return {"reason": reason, "output_tail": format_tail(report.get("output", ""))}

    def stop(self) -> None:
        """End the server and what it measures."""
        if self._server is not None:
            server, self._server = self._server, None
            server.process.end()
            _close(server)

    def _forget(self) -> None:
        """Leave the server to the process that this one was forked from: two must not read each other's answers."""
        self._lock = threading.Lock()
        if self._server is not None:
            _close(self._server)
            self._server = None


def environment() -> dict[str, str]:
    """Return this process's environment variables, with one thread and without warnings."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def _close(server: _Connection) -> None:
    for pipe in (server.requests, server.answers):
        with contextlib.suppress(OSError):  # what a dead server has not read is lost anyway
            pipe.close()


def _run_once(request: bytes, *, limit: float) -> dict[str, Any]:
    """Start a process for one request, and return its answer or how it ended.

    Windows has no fork, and on macOS a fork after the import of torch may crash, since threads of Apple's libraries do
    not survive it. Each measurement then pays for the import, some seconds, which its limit does not count.
    """
    # Files and no pipes: what a measurement leaves running would hold a pipe open, and reading it would not end.
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(request)
        stdin.seek(0)
        process = subprocess.Popen(
            WORKER,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment(),
            start_new_session=True,
        )
        try:
            code = process.wait(limit + _START_UP)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        if code == 0 and (text := _read_back(stdout)):
            return dict(json.loads(text))
        output = _read_back(stderr)
        # The process ends itself at its limit, which begins when torch is there; faulthandler says so.
        late = code is None or (
            code == 1 and any(line.startswith("Timeout (") for line in output.splitlines())
        )
        return {
            "reason": f"took longer than {limit:g} s" if late else describe_unanswered(code or 0),
            "output_tail": format_tail(output),
        }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and where there are sessions also what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: nobody left but the dead
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _read_back(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


_server = _Server()
