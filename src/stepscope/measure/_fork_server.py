"""A process that imports torch once and makes a fresh child for each measurement.

It reads one request a line and answers with one line; both are JSON. A child is a fork made before anything ran with
torch, so it is as fresh as a new process, without the two seconds that importing torch takes. Nothing here may touch
a GPU: CUDA does not survive a fork. It runs on Linux only, under a `SupervisedProcess`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import tempfile
import time
from typing import IO, Any

from stepscope.measure._process_tree import adopt_orphans, end_all_below
from stepscope.measure._worker import (
    call_target,
    describe_unanswered,
    format_tail,
    import_packages,
    limit_time,
)

__all__: list[str] = []

_GRACE = 2.0  # seconds that a child has, beyond its limit, to say where it hangs
_TICK = 0.1  # seconds between two checks of whether a child has ended without an answer


def serve() -> None:
    """Answer requests until there are none."""
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a measurement prints must not look like an answer
    adopt_orphans()
    import_packages()
    for line in requests:
        answers.write(json.dumps(_in_child(json.loads(line))) + "\n")
        answers.flush()


def _in_child(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, let the child call the target, and return its answer or how it ended."""
    with tempfile.TemporaryFile() as output:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _be_child(request, writing, output)
        os.close(writing)
        begun = time.monotonic()
        answer = _read(reading, pid, until=begun + request["limit"] + _GRACE)
        took_too_long = time.monotonic() - begun >= request["limit"]
        end_all_below(os.getpid())  # it has answered or must not go on, nor may what it has started
        code = _reap(pid)
        if answer.endswith(b"\n"):
            return dict(json.loads(answer))
        output.seek(0)
        tail = format_tail(output.read().decode("utf-8", "replace"))
        late = f"took longer than {request['limit']:g} s"
        return {"reason": late if took_too_long else describe_unanswered(code), "output_tail": tail}


def _be_child(request: dict[str, Any], writing: int, output: IO[bytes]) -> None:
    """Call the target and leave without running anything that the server has registered for its own end."""
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        limit_time(request["limit"])
        with os.fdopen(writing, "w", encoding="utf-8") as answers:
            answers.write(call_target(request) + "\n")
    finally:
        os._exit(0)


def _read(pipe: int, pid: int, *, until: float) -> bytes:
    """Read a line, or what there is of it when the child has ended or is late; others may hold the pipe open then."""
    parts: list[bytes] = []
    with os.fdopen(pipe, "rb", buffering=0) as reader:
        while (left := until - time.monotonic()) > 0:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            if select.select([reader], [], [], 0 if ended else min(left, _TICK))[0]:
                parts.append(reader.read(65536))
                if not parts[-1] or parts[-1].endswith(b"\n"):
                    break
            elif ended:
                break
    return b"".join(parts)


def _reap(pid: int) -> int:
    """Return the exit code of the child, and wait for all others that have ended."""
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    serve()
