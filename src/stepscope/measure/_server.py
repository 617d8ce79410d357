"""A process that imports torch once and makes a fresh child for each measurement.

It reads one request a line and answers with one line; both are JSON. A child is a fork made before anything ran with
torch, so it is as fresh as a new process, without the two seconds that importing torch takes. Nothing here may touch
a GPU: CUDA does not survive a fork. Where there is no fork, the process answers one request itself and ends.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import select
import signal
import sys
import tempfile
import time
from typing import IO, Any

from stepscope.errors import BadInputError

__all__: list[str] = []

_GRACE = 2.0  # seconds that a child has, beyond its limit, to say where it hangs
_LAST_WORDS = 12  # lines


def serve() -> None:
    """Answer requests until there are none."""
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a measurement prints must not look like an answer
    for package in ("torch", "gymnasium"):
        with contextlib.suppress(ImportError):
            importlib.import_module(package)
    for line in requests:
        request = json.loads(line)
        answer = _in_child(request) if hasattr(os, "fork") else json.loads(_call(request))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if not hasattr(os, "fork"):
            return


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
        lines = said.read().decode("utf-8", "replace").splitlines()
        reason = f"took longer than {request['limit']:g} s" if took_too_long else _fate(status)
        return {"reason": reason, "last_words": "\n".join(lines[-_LAST_WORDS:])}


def _be_child(request: dict[str, Any], writing: int, said: IO[bytes]) -> None:
    """Call the target and leave without running anything that the server has registered for its own end."""
    try:
        os.setsid()
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        # Say where a crash or a hang was; both end up among the last words.
        faulthandler.enable()
        faulthandler.dump_traceback_later(request["limit"], exit=True)
        answer = _call(request)
        sys.stdout.flush()
        with os.fdopen(writing, "w", encoding="utf-8") as answers:
            answers.write(answer)
    finally:
        os._exit(0)


def _call(request: dict[str, Any]) -> str:
    """Call the target and put its result, or what it raised, into JSON."""
    try:
        sys.path[:] = request["path"]
        os.chdir(request["cwd"])
        module, _, function = request["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(**request["arguments"])
        return json.dumps({"result": result})
    except BadInputError as error:
        return json.dumps({"bad_input": str(error)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        import traceback  # noqa: PLC0415 - rarely needed

        lines = traceback.format_exc().splitlines()[-_LAST_WORDS:]
        first = str(error).strip().partition("\n")[0].rstrip(".")
        return json.dumps(
            {"reason": f"raised {type(error).__name__}: {first}", "last_words": "\n".join(lines)}
        )


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


def _fate(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended without an answer, with exit code {os.waitstatus_to_exitcode(status)}"


if __name__ == "__main__":
    serve()
