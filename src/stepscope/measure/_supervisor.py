"""The processes between a measurement and whoever asked for it: one watches the memory and ends it, one guards that one.

The supervisor is small and does nothing else, so that a sample of the memory is never late. It adopts what the measurement
leaves behind, so that nothing escapes. Its standard input stays open as long as whoever asked lives: when that ends,
the measurement ends.

A measurement may kill its supervisor, or stop it. The guard, the supervisor's parent, waits for just that: it adopts what is
left then, and ends it. Whoever kills the guard first is seen by the supervisor. Standard library and Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

from stepscope.measure._gpu_memory import GpuMemory
from stepscope.measure._outcome import find_out_of_memory
from stepscope.measure._process_tree import ProcessTree, adopt_orphans, end_all_below, peak_resident

__all__ = ["main"]

_TICK = 0.005  # least seconds between two samples of the memory
_FASTEST = 10e9  # bytes per second that a machine's processes take together: at 10 GB/s 50 MB in such a tick
_SHARE = 20  # the samples take at most one part in so many of the time; and where they may be rare, one in five times more
_GRACE = 1.0  # seconds that a process has, beyond its limit, to say where it hangs
_KEPT = 65_536  # bytes of what it prints
_DEATH_SIGNAL = 1  # prctl's PR_SET_PDEATHSIG


def main() -> None:
    """Run the command of the request, a line of JSON on standard input, and write a report as another."""
    with os.fdopen(os.dup(0), "rb", buffering=0) as asked:  # unbuffered: `select` follows
        line = asked.readline()
    if not line.endswith(b"\n"):
        os._exit(0)  # whoever asks has gone
    adopt_orphans()
    guard = os.getpid()
    supervisor = os.fork()
    if not supervisor:
        _supervise(json.loads(line), guard=guard)
    _, status = os.waitpid(supervisor, os.WUNTRACED)  # ended, or stopped
    end_all_below(guard)
    if status:
        _write({"lost": status})
    os._exit(0)


def _supervise(request: dict[str, Any], *, guard: int) -> NoReturn:
    adopt_orphans()
    try:
        report = _Supervision(request, guard=guard).run()
    except (FileNotFoundError, PermissionError, NotADirectoryError, ValueError) as error:
        report = {"not_found": getattr(error, "strerror", None) or str(error)}
    _write(report)
    os._exit(0)


def _write(report: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # whoever asked has gone
        os.write(1, json.dumps(report).encode() + b"\n")


class _Supervision:
    """One command, watched until it ends or must end."""

    def __init__(self, request: dict[str, Any], *, guard: int) -> None:
        self._seconds: float | None = request["limit_seconds"]
        self._bytes: int = request["limit_bytes"]
        self._asked: int | None = request["limit_asked_bytes"]
        self._interval = max(_TICK, request["interval"])
        self._tick = _TICK
        self._guard = guard
        rarely = self._interval > _TICK  # the time is measured then, and the memory only limited
        self._tree = ProcessTree(
            adopts=os.getpid(),
            share=5 * _SHARE if rarely else _SHARE,
            exact_from=self._bytes if rarely else 0,
        )
        self._driver = GpuMemory()
        self._output = _OutputTail()
        self._killed = _count_oom_kills()
        self._ended_by: str | None = None
        self._usage = 0
        self._own = peak_resident(os.getpid()) + 2**20
        self._begun = time.monotonic()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._pipe = reading
        self._process = subprocess.Popen(
            request["command"],
            stdin=request["stdin"] if request["stdin"] is not None else subprocess.DEVNULL,
            stdout=request["stdout"] if request["stdout"] is not None else writing,
            stderr=subprocess.STDOUT if request["merged"] else writing,
            env=request["environment"],
            start_new_session=True,
            preexec_fn=self._prepare,  # noqa: PLW1509 - this process has one thread
        )
        if not request[
            "merged"
        ]:  # nobody else holds it then, and a pipe at its end is always ready to be read
            os.close(writing)

    def _prepare(self) -> None:
        """Let the kernel end this process with its supervisor, take it first when memory ends, and limit what it asks for."""
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self._asked is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (self._asked, self._asked))

    def run(self) -> dict[str, Any]:
        while (status := self._reap()) is None and self._ended_by is None:
            self._wait(self._tick)
            self._check_limits()
        seconds = time.monotonic() - self._begun
        self._tree.sample(last=True)
        if self._ended_by == "time":
            self._request_traceback()
        end_all_below(os.getpid())
        while status is None:
            status = self._reap()
            time.sleep(_TICK)
        self._output.feed(_read_pipe(self._pipe))
        if self._ended_by == "guard":
            return {"lost": signal.SIGKILL}
        return {
            "code": os.waitstatus_to_exitcode(status),
            "ended_by": self._ended_by,
            "killed_by_kernel": _count_oom_kills() > self._killed,
            "peak_bytes": max(self._tree.peak, self._usage),
            "device_bytes": self._driver.peak,
            "device_from": self._driver.source,
            "output": self._output.text,
            "out_of_memory": self._output.out_of_memory,
            "seconds": seconds,
        }

    def _check_limits(self) -> None:
        together = self._tree.sample()
        self._driver.sample(self._tree.pids)
        self._tick = min(self._interval, max(_TICK, (self._bytes - together) / _FASTEST))
        if together > self._bytes:
            self._ended_by = "memory"
        elif self._seconds is not None and time.monotonic() - self._begun > self._seconds:
            self._ended_by = "time"
        elif os.getppid() != self._guard:
            self._ended_by = "guard"

    def _wait(self, seconds: float) -> None:
        """Wait, reading what the command prints, and notice when whoever asked has gone."""
        ready, _, _ = select.select([self._pipe, 0], [], [], seconds)
        if 0 in ready and not os.read(0, 1):
            self._ended_by = "parent"
        if self._pipe in ready:
            time.sleep(_TICK)  # a command that prints without pause must not make this process spin
            self._output.feed(_read_pipe(self._pipe))

    def _reap(self) -> int | None:
        """Wait for all that have ended; return the status of the command itself once it is among them."""
        status = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, code, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    break
                if pid == self._process.pid:
                    status = self._process.returncode = code
                    # The peak of the kernel includes the last moment, after which no sample comes. It also
                    # counts what the process was before it became the command, a copy of this one.
                    reached = usage.ru_maxrss * 1024
                    self._usage = reached if reached > self._own or not self._tree.peak else 0
        return status

    def _request_traceback(self) -> None:
        """Ask for a traceback: faulthandler prints it at this signal, in a Python that was started with it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGABRT)
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline and Path(f"/proc/{self._process.pid}/fd/2").exists():
            time.sleep(_TICK)
            self._output.feed(_read_pipe(self._pipe))


class _OutputTail:
    """The end of what a command prints, and the first line that shows that there is no memory left."""

    def __init__(self) -> None:
        self._kept = b""
        self.out_of_memory: str | None = None

    def feed(self, more: bytes) -> None:
        if not more:
            return
        self._kept = (self._kept + more)[-2 * _KEPT :]
        if self.out_of_memory is None:
            self.out_of_memory = find_out_of_memory(self._kept.decode("utf-8", "replace"))
        self._kept = self._kept[-_KEPT:]

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _read_pipe(pipe: int) -> bytes:
    """Return what is in a pipe now."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, 65_536):
            parts.append(part)
            if len(parts) > 64:  # noqa: PLR2004 - 4 MiB; the rest waits for the next call
                break
    return b"".join(parts)


def _count_oom_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since the machine started."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
