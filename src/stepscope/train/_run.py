"""Train in a process of its own, keeping everything that the library prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LIBRARIES", "console_command", "run"]

LIBRARIES = ("rl_games", "rsl_rl", "skrl", "sb3")
"""Names of the training libraries: the modules of this package, the folders of recordings, the readers of logs."""


def console_command(library: str, settings: Mapping[str, object]) -> list[str]:
    """Arguments after ``python`` that train `library` with these settings.

    >>> " ".join(console_command("skrl", {"num_envs": 64, "iterations": 3}))
    '-m stepscope.train skrl --num-envs 64 --iterations 3'
    """
    arguments = ["-m", "stepscope.train", library]
    for name, value in settings.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif value not in (None, False):
            arguments += [flag, str(value)]
    return arguments


def run(library: str, *, log: str | Path, cwd: str | Path | None = None, **settings: object) -> int:
    """Train `library` in a fresh process and write its console output to `log`.

    Standard output and standard error go to the same file in the order in which they were printed,
    as they do after ``python train.py > train.log 2>&1``.

    Parameters
    ----------
    library
        One of `LIBRARIES`.
    log
        File to write; it is replaced.
    cwd
        Folder to train in; checkpoints and event files appear below it.
    **settings
        Options of ``python -m stepscope.train``, with underscores: ``num_envs=256, iterations=20``.

    Returns
    -------
    int
        The exit status of the training process.
    """
    # Unbuffered, because a library that never flushes would otherwise put its lines after those on stderr.
    # Two OpenMP threads on a busy machine can be many times slower than one; the reader's own choice wins.
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
    with Path(log).open("wb") as output:
        process = subprocess.run(
            [sys.executable, *console_command(library, settings)],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=environment,
            check=False,
        )
    return process.returncode
