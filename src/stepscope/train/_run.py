"""Training in its own process, with its console output in a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope import logs
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LIBRARIES", "TrainingFailedError", "check_library", "console_command", "run", "run_and_capture"]

LIBRARIES = tuple(library.key for library in logs.LIBRARIES if library.trains)
"""Names of the training libraries: the modules of this package, the folders of recordings, the readers of logs."""


def check_library(library: str) -> None:
    """Raise BadInputError unless `library` is one of `LIBRARIES`."""
    if library not in LIBRARIES:
        raise BadInputError(f"{library!r} is not one of {', '.join(LIBRARIES)}.")


def console_command(library: str, settings: Mapping[str, object]) -> list[str]:
    """Return the arguments after ``python`` that train `library` with these settings.

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


class TrainingFailedError(RuntimeError):
    """Raised where a training process fails; the message ends with the last lines of its output."""


def run(
    library: str, *, log: str | Path, cwd: str | Path | None = None, check: bool = True, **settings: object
) -> int:
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
    check
        Raise when the process fails; otherwise its exit status says so.
    **settings
        Options of ``python -m stepscope.train``, with underscores: ``num_envs=256, iterations=20``.

    Returns
    -------
    int
        The exit status of the training process.

    Raises
    ------
    BadInputError
        If the library is unknown.
    TrainingFailedError
        If the process failed, and `check` is true.
    """
    check_library(library)
    status = run_and_capture([sys.executable, *console_command(library, settings)], log=log, cwd=cwd)
    if check and status:
        tail = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        raise TrainingFailedError(
            f"{library} ended with exit status {status}; see {log}, which ends:\n" + "\n".join(tail)
        )
    return status


def run_and_capture(
    command: Sequence[str],
    *,
    log: str | Path,
    cwd: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command with standard output and standard error in one file, and return its exit status.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File to write; it is replaced.
    cwd
        Folder to run in.
    environment
        Environment variables besides those of this process.
    """
    # Unbuffered, because a library that never flushes would otherwise put its lines after those on stderr.
    # Two OpenMP threads on a busy machine can be many times slower than one; the reader's own choice wins.
    variables = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    with Path(log).open("wb") as output:
        return subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env=variables,
            check=False,
        ).returncode
