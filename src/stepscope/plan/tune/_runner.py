"""Runs trials: one after the other on this machine, or as tasks of a Ray cluster on many."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from stepscope._common import printable
from stepscope.errors import BadInputError
from stepscope.plan.tune._trial import Outcome, run_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stepscope.plan.tune._trial import Point

__all__ = ["Job", "LocalRunner", "RayRunner", "Runner"]

Key = TypeVar("Key")

_CONNECT = 10  # seconds
_POLL = 0.5  # seconds between two looks at the tasks
_RETRIES = 5  # of a task whose node or worker dies


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Key]):
    """A trial that is to be run.

    Attributes
    ----------
    key
        What tells whose it is.
    command
        The program and its arguments.
    limits
        Keyword arguments of `run_trial`.
    on_tick
        Called now and then with the latest point of the curve; returns whether to stop.
    """

    key: Key
    command: Sequence[str]
    limits: Mapping[str, Any]
    on_tick: Callable[[Point | None], bool]


class Runner(Protocol):
    """Runs jobs somewhere."""

    def run(self, jobs: Iterable[Job[Key] | None]) -> Iterator[tuple[Job[Key], Outcome]]:
        """Take a job whenever there is room, and yield each with its outcome as it ends; None is a job that must wait."""
        ...


class LocalRunner:
    """Runs one job after the other on this machine.

    Parameters
    ----------
    trial
        Runs a trial; it takes what `run_trial` does.
    """

    def __init__(self, trial: Callable[..., Outcome] = run_trial) -> None:
        self._trial = trial

    def run(self, jobs: Iterable[Job[Key] | None]) -> Iterator[tuple[Job[Key], Outcome]]:
        """Run the jobs in their order."""
        for job in jobs:
            if job is not None:
                yield job, self._trial(job.command, **job.limits, on_tick=job.on_tick)


class RayRunner:
    """Runs jobs as tasks of a Ray cluster, each on one of its GPUs, or on one of its CPUs if it has no GPU.

    A task whose node dies runs again on another. Every node needs stepscope, and what the command needs in the same folder.

    Parameters
    ----------
    address
        Of the cluster, as ``ray.init`` takes it: ``auto`` for the one that this machine belongs to.

    Raises
    ------
    BadInputError
        There is no such cluster.
    """

    def __init__(self, address: str) -> None:
        import ray  # noqa: PLC0415 - optional

        self._ray: Any = ray  # much of which has no types
        try:
            host, _, port = address.rpartition(":")
            if host and port.isdecimal():  # Ray tries for minutes
                socket.create_connection((host, int(port)), timeout=_CONNECT).close()
            ray.init(address=address, configure_logging=False, log_to_driver=False)
        except (OSError, OverflowError, ValueError, RuntimeError) as error:
            reason = printable(str(error).splitlines()[0] if str(error) else type(error).__name__, limit=200)
            raise BadInputError(
                f"there is no Ray cluster at {printable(address)} ({reason.rstrip('.')}); start one with ray start --head."
            ) from None
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._board: Any = ray.remote(_Board).options(num_cpus=0, scheduling_strategy=here).remote()
        self._started = 0

    def run(self, jobs: Iterable[Job[Key] | None]) -> Iterator[tuple[Job[Key], Outcome]]:
        """Run as many jobs at a time as the cluster has GPUs, or else CPUs."""
        ray, waiting = self._ray, iter(jobs)
        flying: dict[Any, tuple[int, Job[Key]]] = {}
        try:
            while True:
                while len(flying) < self._slots() and (job := next(waiting, None)) is not None:
                    number, task = self._start(job)
                    flying[task] = number, job
                if not flying:
                    return
                done, _ = ray.wait(list(flying), timeout=_POLL)
                points = ray.get(self._board.points.remote())
                for number, job in flying.values():
                    if job.on_tick(points.get(number)):
                        self._board.stop.remote(number)
                for task in done:
                    _, job = flying.pop(task)
                    yield job, self._outcome(task)
        finally:
            for task in flying:
                ray.cancel(task, force=True)

    def _slots(self) -> int:
        resources = self._ray.cluster_resources()
        return max(1, int(resources.get("GPU", 0) or resources.get("CPU", 0)))

    def _start(self, job: Job[Any]) -> tuple[int, Any]:
        self._started += 1
        gpus = 1 if self._ray.cluster_resources().get("GPU", 0) else 0
        remote = self._ray.remote(num_cpus=0 if gpus else 1, num_gpus=gpus, max_retries=_RETRIES)(
            _run_remotely
        )
        task = remote.remote(self._board, self._started, list(job.command), dict(job.limits), str(Path.cwd()))
        return self._started, task

    def _outcome(self, task: Any) -> Outcome:  # noqa: ANN401 - a reference of Ray's
        exceptions = self._ray.exceptions
        try:
            return Outcome.from_dict(self._ray.get(task))
        except exceptions.RayTaskError as error:
            raise error.cause from None
        except exceptions.RayError as error:
            return Outcome(
                status="failed", reason=f"Ray lost it {_RETRIES + 1} times: {type(error).__name__}"
            )


class _Board:
    """Passes the curves of tasks on, and the wish to stop them: an actor."""

    def __init__(self) -> None:
        self._points: dict[int, Point | None] = {}
        self._stopped: set[int] = set()

    def tick(self, number: int, point: Point | None) -> bool:
        self._points[number] = point
        return number in self._stopped

    def points(self) -> dict[int, Point | None]:
        return self._points

    def stop(self, number: int) -> None:
        self._stopped.add(number)


def _run_remotely(
    board: Any,  # noqa: ANN401 - a handle of Ray's
    number: int,
    command: list[str],
    limits: dict[str, Any],
    folder: str,
) -> dict[str, Any]:
    """Run a trial in a worker of Ray's."""
    import ray  # noqa: PLC0415 - optional

    try:
        os.chdir(folder)
    except OSError as error:
        raise BadInputError(
            f"{printable(folder, limit=200)} cannot be used on {socket.gethostname()} ({error.strerror}); every node of the"
            " cluster needs the files of the training in the same folder."
        ) from None
    asked = 0.0
    stopped = False

    def on_tick(point: Point | None) -> bool:
        nonlocal asked, stopped
        if time.monotonic() - asked > _POLL:
            stopped = ray.get(board.tick.remote(number, point))
            asked = time.monotonic()
        return stopped

    # The memory of another machine is not that of this one: without a limit it is nearly all that is free there.
    return run_trial(command, **{**limits, "limit_bytes": None}, on_tick=on_tick).to_dict()
