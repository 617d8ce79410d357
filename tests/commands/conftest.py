"""What the tests of the commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

_EPOCH = "fps step: {} fps step and policy inference: 800 fps total: 70 epoch: {}/40 frames: {}\n"
_CRASH = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: first\n'


@pytest.fixture
def epochs() -> str:
    """Return forty lines of RL-Games."""
    return "".join(_EPOCH.format(9000 + epoch, epoch, epoch * 1024) for epoch in range(1, 41))


@pytest.fixture
def crash() -> str:
    """Return a traceback."""
    return _CRASH


@pytest.fixture
def log(tmp_path: Path, epochs: str, crash: str) -> Path:
    """Return the path of a log of forty epochs that ended badly."""
    path = tmp_path / "train.log"
    path.write_text(f"Started to train\n{epochs}{crash}\nodd\n", encoding="utf-8")
    return path


@pytest.fixture
def run() -> Run:
    """Return a function that runs ``stepscope`` in a process of its own."""

    def start(
        *arguments: str, given: bytes | None = None, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "stepscope", *arguments]
        return subprocess.run(
            command, input=given, capture_output=True, check=False, env={**os.environ, **environment}
        )

    return start
