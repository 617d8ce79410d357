"""Training in several processes: the launch with torchrun, and the bridge to gloo for a CPU.

The libraries take NCCL and a CUDA device for granted as soon as there are several processes. On a CPU their own code
runs anyway, with these changes, each of which belongs to a line in `HARD_CODED`:

* ``init_process_group("nccl")`` makes a process group of gloo,
* ``torch.cuda.set_device()`` does nothing,
* the device that a library demands or sets, ``cuda:LOCAL_RANK``, is the CPU.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_list
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

__all__ = ["HARD_CODED", "HardCoded", "Rank", "check_processes", "join_processes", "launch"]


@dataclass(frozen=True)
class HardCoded:
    """A line of a released library that several processes on a CPU fail at.

    Attributes
    ----------
    distribution
        Name of the distribution.
    file
        File in it.
    text
        Text of the line, without the indentation.
    """

    distribution: str
    file: str
    text: str


HARD_CODED = {
    "rl_games": (
        HardCoded(
            "rl-games",
            "rl_games/common/a2c_common.py",
            'dist.init_process_group("nccl", rank=self.global_rank, world_size=self.world_size)',
        ),
        HardCoded(
            "rl-games",
            "rl_games/common/a2c_common.py",
            "self.device_name = 'cuda:' + str(self.local_rank)",
        ),
        HardCoded("rl-games", "rl_games/common/a2c_common.py", "config['device'] = self.device_name"),
        HardCoded("rl-games", "rl_games/common/a2c_common.py", "torch.cuda.set_device(self.local_rank)"),
    ),
    "rsl_rl": (
        HardCoded(
            "rsl-rl-lib",
            "rsl_rl/runners/on_policy_runner.py",
            'if self.device != f"cuda:{self.gpu_local_rank}":',
        ),
        HardCoded(
            "rsl-rl-lib",
            "rsl_rl/runners/on_policy_runner.py",
            'torch.distributed.init_process_group(backend="nccl", rank=self.gpu_global_rank,'
            " world_size=self.gpu_world_size)",
        ),
        HardCoded(
            "rsl-rl-lib", "rsl_rl/runners/on_policy_runner.py", "torch.cuda.set_device(self.gpu_local_rank)"
        ),
    ),
    "skrl": (
        HardCoded(
            "skrl",
            "skrl/__init__.py",
            'torch.distributed.init_process_group("nccl", rank=self._rank, world_size=self._world_size)',
        ),
        HardCoded("skrl", "skrl/__init__.py", "torch.cuda.set_device(self._local_rank)"),
    ),
}
"""Lines that the bridge is for, by library. A test looks for them in the installed release: where one is gone, so may be
its part of the bridge."""


@dataclass(frozen=True)
class Rank:
    """Place of this process among those that train together, from the variables that torchrun sets.

    Attributes
    ----------
    index
        Number of the process, from 0.
    local
        Its number on this machine, which is also that of its GPU.
    count
        Number of processes on all machines.
    """

    index: int = 0
    local: int = 0
    count: int = 1

    @classmethod
    def of_environment(cls) -> Rank:
        """Read ``RANK``, ``LOCAL_RANK`` and ``WORLD_SIZE``."""
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
        try:
            index, local, count = (
                int(os.environ.get(name, default)) for name, default in zip(names, "001", strict=True)
            )
        except ValueError as error:
            raise BadInputError(f"{format_list(names)} must be integers, as torchrun sets them.") from error
        return cls(index=index, local=local, count=count)


def check_processes(library: str, count: int, device: str | None) -> None:
    """Raise BadInputError unless the library can train in so many processes on this machine.

    Parameters
    ----------
    library
        One of `stepscope.train.LIBRARIES`.
    count
        Number of processes on this machine.
    device
        Device that was asked for: ``"cpu"``, ``"cuda"``, or None for CUDA where there is one.
    """
    import torch  # noqa: PLC0415 - slow to import

    if library not in HARD_CODED:
        raise BadInputError(
            f"{library} trains in one process only: Stable-Baselines3 has nothing for several;"
            " choose another library, or one process."
        )
    if device is not None and device.startswith("cuda:"):
        raise BadInputError(f"every process has its own GPU, and {device} is one; choose cuda or cpu.")
    devices = torch.cuda.device_count()
    if (device == "cuda" or (device is None and devices)) and devices < count:
        raise BadInputError(
            f"{count} processes need as many CUDA devices, and there {'is' if devices == 1 else 'are'} {devices}:"
            " NCCL refuses two processes on one; choose fewer, or --device cpu."
        )


def launch(arguments: Sequence[str], *, nproc: int) -> None:
    """Become torchrun, which starts ``python -m stepscope.train`` with these arguments in several processes.

    Its exit status is that of this process, and what ends this process ends it.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={nproc}"]
    sys.stdout.flush()
    sys.stderr.flush()
    # One thread for each process, as torchrun sets it itself, after a warning.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    os.execve(sys.executable, [*command, "-m", "stepscope.train", *arguments], environment)  # noqa: S606 - our own interpreter


@contextmanager
def join_processes(
    library: str, device: torch.device, rank: Rank, *, timeout: float | None = None
) -> Iterator[None]:
    """Let a library train as one of several processes, on a GPU or on a CPU.

    Enter it before the library is imported: skrl makes its process group at its import.
    It changes torch in the whole process while it lasts, and leaves the group in the end.

    Parameters
    ----------
    library
        A key of `HARD_CODED`.
    device
        The CPU, or the CUDA device of this process.
    rank
        Place of this process.
    timeout
        How long a process waits for another, in seconds; by default as long as torch lets it: 30 minutes with gloo,
        10 with NCCL.
    """
    if rank.count == 1:
        yield
        return
    import torch  # noqa: PLC0415 - slow to import
    from torch import distributed  # noqa: PLC0415 - the same

    init = distributed.init_process_group

    def init_process_group(backend: str, **options: Any) -> None:  # noqa: ANN401 - torch's own options
        if device.type == "cpu":
            backend = "gloo"
        if timeout is not None:
            options["timeout"] = timedelta(seconds=timeout)
        init(backend, **options)

    with ExitStack() as stack:
        stack.enter_context(_replace(distributed, "init_process_group", init_process_group))
        if device.type == "cpu":
            stack.enter_context(_replace(torch.cuda, "set_device", lambda _device: None))
            for owner, name, replacement in _replacements(library, rank):
                stack.enter_context(_replace(owner, name, replacement))
        yield
        if distributed.is_initialized():
            distributed.barrier()  # who leaves first would close the connections of the others
            distributed.destroy_process_group()


def _replacements(library: str, rank: Rank) -> Iterator[tuple[Any, str, Any]]:
    """Yield the methods of a library that would take the device of a GPU."""
    if library == "rsl_rl":
        from rsl_rl.runners import OnPolicyRunner  # noqa: PLC0415 - only where it trains

        configure = OnPolicyRunner._configure_multi_gpu  # noqa: SLF001 - what cannot be configured

        def configure_on_cpu(runner: Any) -> None:  # noqa: ANN401 - RSL-RL's class
            device, runner.device = runner.device, f"cuda:{rank.local}"
            configure(runner)
            runner.device = device

        yield OnPolicyRunner, "_configure_multi_gpu", configure_on_cpu
    elif library == "rl_games":
        from rl_games.common.a2c_common import A2CBase  # noqa: PLC0415 - only where it trains

        prepare = A2CBase.__init__

        def prepare_on_cpu(agent: Any, base_name: str, params: dict[str, Any]) -> None:  # noqa: ANN401 - RL-Games' class
            prepare(agent, base_name, {**params, "config": _CpuConfig(params["config"])})

        yield A2CBase, "__init__", prepare_on_cpu


class _CpuConfig(dict[str, Any]):
    """A configuration of RL-Games that stays on the CPU whatever device is written into it."""

    def __setitem__(self, key: str, value: object) -> None:
        super().__setitem__(key, "cpu" if key == "device" else value)


@contextmanager
def _replace(owner: object, name: str, replacement: object) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
