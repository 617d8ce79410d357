"""Commands that measure, ended at any moment: nothing is left running, and no traceback is shown."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.processes import Started

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="commands are watched on Linux")

# It leaves a process in a session of its own behind, and never ends where a file says so.
MINE = """
import os, pathlib, sys, time
from stepscope.envs import CartPole
def world(num_envs):
    if not os.fork():
        os.setsid()
        if not os.fork():
            time.sleep(600)
        os._exit(0)
    pathlib.Path("begun").touch()
    if pathlib.Path("hangs").exists():
        time.sleep(600)
    return CartPole(num_envs)
if __name__ == "__main__":
    world(int(sys.argv[1]))
    print("not a training")
"""
SCRIPT = (sys.executable, "mine.py", "{num_envs}")
COMMANDS = {
    "fit of a factory": ("fit", "mine:world"),
    "fit of a command": ("fit", "--", *SCRIPT),
    "bottleneck of a factory": ("bottleneck", "mine:world", "--sizes", "4,8,16"),
    "bottleneck of a command": ("bottleneck", "--sizes", "4,8,16", "--", *SCRIPT),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a target in it."""
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun(command: str, here: Path, started: Started) -> subprocess.Popen[str]:
    """Start a command in a process group of its own, as a shell does, and wait until its target has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stepscope", *COMMANDS[command]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **started.environment},
        start_new_session=True,
    )
    while not (here / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_outlives_a_command(command: str, number: int, here: Path) -> None:
    """Whatever ends a command that waits for its target ends the target, and prints nothing."""
    (here / "hangs").touch()
    started = Started()
    process = begun(command, here, started)
    os.killpg(process.pid, number)
    assert ("", "") == process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert [] == started.left()


@pytest.mark.parametrize("command", COMMANDS)
def test_an_interruption_at_any_moment_is_quiet(command: str, here: Path) -> None:
    """Wherever a command is between its runs, one line is all that it says, and nothing is left."""
    started = Started()
    process = begun(command, here, started)
    time.sleep(random.uniform(0, 2))  # noqa: S311 - no secret
    with contextlib.suppress(ProcessLookupError):  # it may have come to its end
        os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate()
    assert len(error.splitlines()) <= 1, error
    assert [] == started.left()
