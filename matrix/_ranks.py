"""Train in two processes under torchrun on a machine without GPUs."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

__all__ = ["ensure_ranks"]


def ensure_ranks(*torchrun: str) -> None:
    """Return in a process that torchrun started, prepared for the CPU; otherwise start two with torchrun, and exit.

    `torchrun` are its options; it merges the output of both.
    """
    if "RANK" not in os.environ:
        sys.exit(_start(torchrun))
    # torchrun starts Python with -u, which writes a line word by word: sometimes the words of two lines are mixed.
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]  # it is a file
    # The libraries ask for NVIDIA's backend and a GPU for each rank, whatever the device.
    start = torch.distributed.init_process_group
    torch.distributed.init_process_group = lambda _backend, **settings: start("gloo", **settings)
    torch.cuda.set_device = lambda _device: None


def _start(torchrun: tuple[str, ...]) -> int:
    # torchrun prints a note on the number of threads unless it is set.
    variables = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *torchrun]
    return subprocess.run(
        [sys.executable, *launch, *sys.orig_argv[1:]], env=variables, check=False
    ).returncode
