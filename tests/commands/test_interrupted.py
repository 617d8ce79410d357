"""Ctrl-C at any moment of a command: nothing is shown, and nothing is left."""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")

_TIMES = 6
_TRAINING = [sys.executable, "-c", "import time; print('Started to train', flush=True); time.sleep(3600)"]
_COMMANDS = (
    ["--help"],
    ["read", "LOG"],
    ["read", "LOG", "--csv"],
    ["read", "LOG", "--plot", "LOG.svg"],
    ["read", "LOG", "--tensorboard", "LOG.events"],
    ["compare", "LOG", "LOG"],
    ["watch", "--once", "LOG"],
    ["watch", "LOG"],
    ["watch", "-"],
    ["watch", "--", *_TRAINING],
    ["doctor", "--ranks", "2"],
)


@pytest.mark.parametrize("arguments", _COMMANDS, ids=lambda arguments: " ".join(arguments[:4]))
def test_an_interruption_shows_and_leaves_nothing(log: Path, arguments: list[str]) -> None:
    """It ends by the signal, or with 130 where there was something to say still; whenever the signal comes."""
    command = [sys.executable, "-m", "stepscope", *(part.replace("LOG", str(log)) for part in arguments)]
    moments = random.Random(f"{arguments}")  # noqa: S311 - not a secret
    for _ in range(_TIMES):
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            time.sleep(moments.uniform(0.0, 0.5))  # any moment will do
            while process.poll() is None:  # what runs `--` may have been asked before it could be told
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2.5)
            errors = process.stderr.read()
            # Whatever was started has our pipe for its standard input: nobody reads it any more.
            ended = select.poll()
            ended.register(process.stdin, 0)
            assert ended.poll(60_000)
        # Python itself shows a traceback before it has come to us.
        assert [] == re.findall(r'File "[^"\n]*stepscope[^"\n]*"', errors)
        assert process.returncode in (0, 130, 143, -signal.SIGINT) or "" != errors


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("csv", ["read", "LOG"]),
        ("statistics", ["fit", "a:b"]),
        ("argparse", ["--help"]),
        ("rich", ["watch", "LOG"]),
        ("rich", ["watch", "--", *_TRAINING]),
        ("matplotlib", ["read", "LOG", "--plot", "LOG.svg"]),
        ("tensorboard", ["read", "LOG", "--tensorboard", "LOG.events"]),
    ],
)
def test_an_import_can_be_interrupted(log: Path, tmp_path: Path, module: str, arguments: list[str]) -> None:
    """Where most of the time of a short command goes; a module that takes for ever stands in for a slow disk."""
    code = "import time\nprint('imported', flush=True)\ntime.sleep(3600)\n"
    (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        [sys.executable, "-m", "stepscope", *(part.replace("LOG", str(log)) for part in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        assert process.stdout is not None
        while "imported\n" != (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert "" == errors
    assert process.returncode in (130, -signal.SIGINT)
