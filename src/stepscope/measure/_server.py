"""A process that imports torch once and makes a fresh child for each measurement.

It reads one request a line and answers with one line; both are JSON. A child is a fork made before anything ran with
torch, so it is as fresh as a new process, without the two seconds that importing torch takes. Nothing here may touch
a GPU: CUDA does not survive a fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import time
from typing import IO, Any

from stepscope.measure._call import call, fate, import_first, last_words, watch

__all__: list[str] = []

_GRACE = 2.0  # seconds that a child has, beyond its limit, to say where it hangs


def serve() -> None:
    """Answer requests until there are none."""
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a measurement prints must not look like an answer
    import_first()
    for line in requests:
        answers.write(json.dumps(_in_child(json.loads(line))) + "\n")
        answers.flush()


def _in_child(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, let the child call, and tell how that went."""
    with tempfile.TemporaryFile() as said:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _be_child(request, writing, said)
        os.close(writing)
        begun = time.monotonic()
        try:
            answer = _read(reading, until=begun + request["limit"] + _GRACE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(
                    pid, signal.SIGKILL
                )  # it has answered or must not go on, nor may what it has started
        _, status = os.waitpid(pid, 0)
        if answer:
            return dict(json.loads(answer))
        took_too_long = time.monotonic() - begun >= request["limit"]
        said.seek(0)
        words = last_words(said.read().decode("utf-8", "replace"))
        late = f"took longer than {request['limit']:g} s"
        return {
            "reason": late if took_too_long else fate(os.waitstatus_to_exitcode(status)),
            "last_words": words,
        }


def _be_child(request: dict[str, Any], writing: int, said: IO[bytes]) -> None:
    """Call the target and leave without running anything that the server has registered for its own end."""
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        watch(request["limit"])
        answer = call(request)
        sys.stdout.flush()
        with os.fdopen(writing, "w", encoding="utf-8") as answers:
            answers.write(answer)
    finally:
        os._exit(0)


def _read(pipe: int, *, until: float) -> bytes:
    """Read all there is, or nothing if the writer does not finish in time."""
    parts: list[bytes] = []
    with os.fdopen(pipe, "rb", buffering=0) as reader:
        while (left := until - time.monotonic()) > 0:
            if not select.select([reader], [], [], left)[0]:
                break
            part = reader.read(65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return b""


if __name__ == "__main__":
    serve()
