"""What is printed when a process dies without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import reads

if TYPE_CHECKING:
    from pathlib import Path

START = "Started to train\nfps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 1/9 frames: 0\n"


def kinds(text: str) -> list[str]:
    """Return the kinds of the records below a training's beginning."""
    return [record.kind for record in reads(START + text)][2:]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL]
)
def test_what_a_shell_says_of_a_signal_is_a_failure(number: signal.Signals) -> None:
    """The shell of this machine, of a real process."""
    script = f"{sys.executable} -c 'import os; os.kill(os.getpid(), {int(number)})'; true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert ["failure"] == kinds(done.stderr), done.stderr


def test_what_faulthandler_says_is_one_failure() -> None:
    """With the frames of all threads."""
    script = "import faulthandler, os, signal; faulthandler.enable(); os.kill(os.getpid(), signal.SIGSEGV)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ["failure"] == kinds(done.stderr), done.stderr


def test_what_the_heap_says_is_a_failure(tmp_path: Path) -> None:
    """The C library of this machine, when memory is freed twice."""
    script = "import ctypes; c = ctypes.CDLL(None); c.free.argtypes = [ctypes.c_void_p]; c.free(0x1234567)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode < 0
    if done.stderr:
        assert "failure" in kinds(done.stderr), done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "Segmentation fault",
        "Aborted (core dumped)",
        "Erreur de segmentation (core dumped)",
        "/usr/bin/train: line 3: 4711 Bus error               (core dumped) python train.py",
        "[1]+  Killed                  python train.py",
        "zsh: segmentation fault (core dumped)  python train.py",
        "double free or corruption (!prev)",
        "malloc(): unaligned tcache chunk detected",
        "*** stack smashing detected ***: terminated",
        "srun: error: node7: tasks 0-3: Killed",
        "slurmstepd: error: *** STEP 77.0 ON node7 CANCELLED AT 2026-01-02T03:04:05 DUE TO TIME LIMIT ***",
        "=>> PBS: job killed: walltime 3610 exceeded limit 3600",
        "worker-0 exited with code 139",
        "command terminated with exit code 137",
        "Out of memory: Killed process 4711 (python) total-vm:64000000kB",
        "ValueError: the reward has no entries",
        "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory",
    ],
)
def test_a_line_that_reports_a_death_is_a_failure(line: str) -> None:
    """Whoever reports it."""
    assert ["failure"] == kinds(f"{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "12 robots were killed by a fall",
        "killed: 0.25",
        "Killed robots: 3",
        "Abandon",
        "exited with code 0",
        "worker-0 exited with code 0",
        "Error: 0.25",
        "tracking_error: 0.25",
        "no segmentation fault so far",
        "Error rate below 5 %",
    ],
)
def test_the_same_words_elsewhere_are_none(line: str) -> None:
    """In a sentence, a label or a success."""
    assert ["unrecognised"] == kinds(f"{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "Naruszenie ochrony pamięci (zrzut pamięci)",
        "Segmenteringsfel (minnesutskrift skapad)",
        "Σφάλμα κατάτμησης",
        "./train.sh: rad 12:  4711 Dödad                  python train.py",
        "./train.sh: 12. sor:  4711 Kilőve                  python train.py",
    ],
)
def test_words_of_other_languages(line: str) -> None:
    """The catalogues of bash and of the C library have them."""
    assert ["failure"] == kinds(line)
