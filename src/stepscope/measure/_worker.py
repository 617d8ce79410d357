"""One process for one measurement, where a process that has imported torch cannot be forked.

Windows has no fork, and on macOS a fork after the import of torch may crash, since threads of Apple's libraries do
not survive it. Each measurement then pays for the import, some seconds, which its limit does not count.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any

from stepscope.measure._call import (
    call_target,
    describe_unanswered,
    format_tail,
    import_packages,
    limit_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["START_UP", "main", "run_once"]

START_UP = 60.0  # seconds that a process may take to import torch, beyond its limit


def run_once(line: str, *, limit: float, environment: Mapping[str, str]) -> dict[str, Any]:
    """Start a process for a request, one line of JSON, and return its answer or tell how it ended."""
    # Files and no pipes: what a measurement leaves running would hold a pipe open, and reading it would not end.
    with (
        tempfile.TemporaryFile() as asked,
        tempfile.TemporaryFile() as answered,
        tempfile.TemporaryFile() as said,
    ):
        asked.write(line.encode())
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-c", "from stepscope.measure._worker import main; main()"],
            stdin=asked,
            stdout=answered,
            stderr=said,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(limit + START_UP)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        if code == 0 and (text := _text(answered)):
            return dict(json.loads(text))
        words = _text(said)
        # The process ends itself at its limit, which begins when torch is there; faulthandler says so.
        late = code is None or (
            code == 1 and any(line.startswith("Timeout (") for line in words.splitlines())
        )
        return {
            "reason": f"took longer than {limit:g} s" if late else describe_unanswered(code or 0),
            "output_tail": format_tail(words),
        }


def main() -> None:
    """Answer the one request; runs in the fresh process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a measurement prints must not look like an answer
    request = json.loads(sys.stdin.read())
    if request.get("prepare", True):
        import_packages()
    limit_time(request["limit"])
    answers.write(call_target(request))
    answers.flush()
    with contextlib.suppress(Exception):  # the target may have put anything in its place
        sys.stdout.flush()
    os._exit(0)  # as a fork would: nothing that the measurement registered may run, or hang, now


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and where there are sessions also what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: nobody left but the dead
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
