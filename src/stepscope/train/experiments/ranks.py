"""Training in several processes, observed from inside each of them.

`run_on_ranks` starts processes once, on this machine or one on each of two hosts, and runs one job after another in
them: training runs by all of them or by the first alone, and all-reduces. All of it is on the CPU, with gloo.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.measure import Disturbance, MeasurementFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepscope.train.experiments.two_hosts import TwoHosts

__all__ = ["AllReduce", "DistributedTraining", "RankRun", "ReduceTimes", "run_on_ranks"]


@dataclass(frozen=True, kw_only=True)
class DistributedTraining:
    """A training on the cart-pole.

    Attributes
    ----------
    library
        ``"rl_games"``, ``"rsl_rl"`` or ``"skrl"``.
    ranks
        How many processes train together; the others wait.
    num_envs
        Environments of each process.
    horizon, iterations, minibatches
        Vector steps of each rollout, rollouts with an update each, and parts that a rollout of one process is cut into.
    seed
        Of the first process; every other adds its rank.
    options
        More options of the library's ``train``.
    interface
        Network interface for gloo; None leaves the choice to it.
    """

    library: str
    ranks: int
    num_envs: int
    horizon: int = 16
    iterations: int = 4
    minibatches: int = 4
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    interface: str | None = None


@dataclass(frozen=True, kw_only=True)
class AllReduce:
    """Sums of a tensor over all processes, again and again.

    Attributes
    ----------
    numbers
        Sizes of the tensors, in float32 numbers.
    repeats
        How often each is summed, after once to warm up.
    interface
        Network interface for gloo; None leaves the choice to it.
    """

    numbers: tuple[int, ...]
    repeats: int = 20
    interface: str | None = None


@dataclass(frozen=True, kw_only=True)
class RankRun:
    """A training as one process saw it.

    Attributes
    ----------
    rank
        Number of the process.
    text
        What the library printed on standard output.
    env_steps
        Environment steps that its own environments took.
    wall, cpu
        Seconds of each iteration but the first, and CPU seconds that the process took for it.
    collectives
        How often the library called each function of ``torch.distributed`` in one iteration, the last one.
    reduced
        Numbers that it handed to ``all_reduce`` in that iteration.
    normaliser
        Statistics of the observations after each iteration: ``count``, and ``mean`` and ``std`` of each column. Empty
        where the library normalises none.
    parameters
        Number of learned parameters, and in ``digest`` a checksum of their values at the end.
    disturbance
        Disturbance of the training by other work.
    """

    rank: int
    text: str
    env_steps: int
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    collectives: Mapping[str, int]
    reduced: int
    normaliser: tuple[Mapping[str, Any], ...]
    parameters: int
    digest: str
    disturbance: Disturbance


@dataclass(frozen=True, kw_only=True)
class ReduceTimes:
    """Times of all-reduces as one process saw them.

    Attributes
    ----------
    rank
        Number of the process.
    seconds
        Number of float32 numbers to the wall time of each all-reduce, in seconds.
    disturbance
        Disturbance by other work.
    """

    rank: int
    seconds: Mapping[int, tuple[float, ...]]
    disturbance: Disturbance


def run_on_ranks(
    jobs: Sequence[DistributedTraining | AllReduce],
    *,
    ranks: int = 2,
    hosts: TwoHosts | None = None,
    limit: float = 600.0,
) -> list[list[RankRun | ReduceTimes]]:
    """Run jobs, one after another, in processes that torchrun starts.

    Parameters
    ----------
    jobs
        Trainings and all-reduces.
    ranks
        Number of processes on this machine; with `hosts` there is one on each.
    hosts
        Two hosts instead of this machine.
    limit
        Time after which all processes are killed, in seconds.

    Returns
    -------
    list
        For each job, what each process that took part in it saw, in the order of the ranks.

    Raises
    ------
    MeasurementFailedError
        If a process failed or all together took too long.
    """
    with tempfile.TemporaryDirectory(prefix="stepscope-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tasks = [{"kind": type(job).__name__, **asdict(job)} for job in jobs]
        (folder / "jobs.json").write_text(json.dumps(tasks), encoding="utf-8")
        worker = ["-m", "stepscope.train.experiments._rank", str(folder)]
        run = [sys.executable, "-m", "torch.distributed.run"]
        if hosts is None:
            launchers = [[*run, "--standalone", f"--nproc-per-node={ranks}", *worker]]
        else:
            launchers = [[*hosts.enter(node), *run, *hosts.torchrun(node), *worker] for node in range(2)]
        _run_all(launchers, folder, limit)
        count = ranks if hosts is None else 2
        results = [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(count)]
    return [
        [_result(job, result[number]) for result in results if result[number] is not None]
        for number, job in enumerate(jobs)
    ]


def _result(job: DistributedTraining | AllReduce, result: dict[str, Any]) -> RankRun | ReduceTimes:
    disturbance = Disturbance(**result.pop("disturbance"))
    if isinstance(job, AllReduce):
        seconds = {int(size): tuple(times) for size, times in result["seconds"].items()}
        return ReduceTimes(rank=result["rank"], seconds=seconds, disturbance=disturbance)
    for name in ("wall", "cpu", "normaliser"):
        result[name] = tuple(result[name])
    return RankRun(**result, disturbance=disturbance)


def _run_all(commands: Sequence[Sequence[str]], folder: Path, limit: float) -> None:
    """Run commands side by side; kill all when one fails or takes too long."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    deadline = time.monotonic() + limit
    outputs = [folder / f"output-{number}.txt" for number in range(len(commands))]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command, output in zip(commands, outputs, strict=True):
            with output.open("wb") as file:
                processes.append(
                    subprocess.Popen(
                        command,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        stdin=subprocess.DEVNULL,
                        env=environment,
                        cwd=folder,
                        start_new_session=True,
                    )
                )
        while any(process.poll() is None for process in processes):
            failed = [number for number, process in enumerate(processes) if process.poll()]
            if failed or time.monotonic() > deadline:
                break
            time.sleep(0.05)
    finally:
        unfinished = [number for number, process in enumerate(processes) if process.poll() is None]
        for process in processes:
            process.terminate()  # torchrun ends its own processes
        for process in processes:
            try:
                process.wait(timeout=40.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    failed = [number for number, process in enumerate(processes) if process.returncode]
    if failed:
        number = next((number for number in failed if number not in unfinished), failed[0])
        text = outputs[number].read_text(encoding="utf-8", errors="replace")
        own, _, _ = text.partition(
            "torch/distributed/elastic/multiprocessing/api.py"
        )  # torchrun's report follows
        tail = own.splitlines()[-40:]
        reason = "a process failed" if number not in unfinished else f"took more than {limit:g} s"
        raise MeasurementFailedError("training in several processes", reason, "\n".join(tail))
