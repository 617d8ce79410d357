"""Time the iterations of training loops; runs in the measured process, where torch is imported."""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from stepscope._common.callables import make_env, resolve_callable
from stepscope._common.devices import usable_device
from stepscope.errors import BadInputError
from stepscope.measure._compare import compare
from stepscope.measure._gpu_memory import GpuUtilisation
from stepscope.measure._host_memory import MEMORY_SHARE, available_host_bytes
from stepscope.measure._host_syncs import host_syncs, profile_syncs
from stepscope.measure._loop import Loop
from stepscope.measure._operations import outside_operations
from stepscope.measure._timing import Elapsed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["time_loops"]

_STEADY = 1.1  # the slowest of the last three iterations over the fastest
_BUSY_SECONDS = 3.0  # the driver reports the mean of up to a second
_PARTS: dict[str, Callable[[tuple[float, float, float]], float]] = {
    "stepping": lambda part: part[0],
    "inference": lambda part: part[1],
    "learning": lambda part: part[2],
    "rollout": lambda part: part[0] + part[1],
    "total": sum,
}
"""Sums of stepping, inference and learning."""


def time_loops(
    loops: list[dict[str, Any]],
    *,
    device: str | None,
    threads: int,
    clock: str,
    warm_up: float,
    limits: dict[str, Any],
    activity: bool = False,
) -> dict[str, Any]:
    """Time loops in turns.

    Parameters
    ----------
    loops
        Arguments of `_make_loop` for each.
    device, threads
        Of all of them.
    clock
        On a CPU ``"cpu"`` or ``"wall"``.
    warm_up
        Longest time of a loop until it is steady, in seconds; the first iteration does not count.
    limits
        Keyword arguments of `compare`.
    activity
        Whether to measure how busy a GPU is, or how much of a vector step on a CPU is outside of operations.
    """
    torch.set_num_threads(threads)
    torch_device = usable_device(device)
    _limit_memory(torch_device)
    if torch_device.type == "cuda":
        clock = "events"
    timed = [_TimedLoop(_make_loop(torch_device, **loop), clock=clock, seconds=warm_up) for loop in loops]
    times = compare(dict(enumerate(timed)), **limits)
    about = {"device": str(torch_device), "clock": clock, "threads": torch.get_num_threads()}
    return {
        "times": times.to_json(),
        "loops": [{**about, **loop.describe(activity=activity)} for loop in timed],
    }


class _TimedLoop:
    """A loop that has warmed up; each call times an iteration."""

    def __init__(self, loop: Loop, *, clock: str, seconds: float) -> None:
        self._loop = loop
        self._clocks: list[_Clock | _Events] = (
            [_Events()] if clock == "events" else [_Clock(time.perf_counter)]
        )
        if clock == "cpu":
            self._clocks.append(_Clock(time.process_time))
        warm = [self._iterate()[-1]]  # it may compile, which does not count
        until = time.perf_counter() + seconds
        while not _is_steady(warm) and time.perf_counter() < until:
            warm.append(self._iterate()[-1])
        self._warm_up, self._steady = len(warm), _is_steady(warm)

    def __call__(self) -> dict[str, Elapsed]:
        times = self._time_parts()
        env = self._loop.env
        if getattr(env, "rendering", False) is True:
            env.rendering = False
            times["without_rendering"] = self._time_parts()["stepping"]
            env.rendering = True
        return times

    def describe(self, *, activity: bool) -> dict[str, Any]:
        """Return what is known of the loop besides its times."""
        return {
            **(self._measure_activity() if activity else {}),
            **_count_host_syncs(self._loop),
            "num_envs": self._loop.num_envs,
            "horizon": self._loop.horizon,
            "warm_up": self._warm_up,
            "steady": self._steady,
        }

    def _measure_activity(self) -> dict[str, Any]:
        if self._loop.device.type != "cuda":
            return {
                "outside_operations": outside_operations(lambda: self._loop.rollout(lambda: None, steps=1))
            }
        until = time.perf_counter() + _BUSY_SECONDS
        with GpuUtilisation() as utilisation:
            while time.perf_counter() < until:
                self._iterate()
        return {"gpu_busy": utilisation.busy}

    def _time_parts(self) -> dict[str, Elapsed]:
        wall, *cpu = self._iterate()
        return {
            name: Elapsed(wall=total(wall), cpu=total(cpu[0]) if cpu else None)
            for name, total in _PARTS.items()
        }

    def _iterate(self) -> list[tuple[float, float, float]]:
        """Return the seconds per vector step of stepping, inference and learning in one iteration, by each clock."""

        def mark() -> None:
            for clock in self._clocks:
                clock.mark()

        mark()
        self._loop.rollout(mark)
        mark()
        self._loop.update()
        mark()
        horizon, parts = self._loop.horizon, []
        for clock in self._clocks:
            *rollout, learning = clock.laps()
            parts.append((sum(rollout[1::2]) / horizon, sum(rollout[::2]) / horizon, learning / horizon))
        return parts


class _Clock:
    """Moments of a clock of the host."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read
        self._moments: list[float] = []

    def mark(self) -> None:
        self._moments.append(self._read())

    def laps(self) -> list[float]:
        """Return the seconds between the marks since the last call."""
        moments, self._moments = self._moments, []
        return [end - begin for begin, end in pairwise(moments)]


class _Events:
    """Moments at which the device reaches a mark in PyTorch's stream."""

    def __init__(self) -> None:
        self._moments: list[torch.cuda.Event] = []

    def mark(self) -> None:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._moments.append(event)

    def laps(self) -> list[float]:
        """Wait for the device, and return the seconds between the marks since the last call."""
        moments, self._moments = self._moments, []
        moments[-1].synchronize()
        return [begin.elapsed_time(end) / 1e3 for begin, end in pairwise(moments)]


def _is_steady(parts: Sequence[tuple[float, float, float]]) -> bool:
    last = [sum(part) for part in parts[-3:]]
    return len(last) == 3 and max(last) < _STEADY * min(last)  # noqa: PLR2004 - three, as above


def _make_loop(
    device: torch.device,
    *,
    env: str,
    num_envs: int,
    options: dict[str, Any] | None = None,
    policy: str | None = None,
    **settings: Any,  # noqa: ANN401 - those of a `Loop`
) -> Loop:
    """Make an environment and the loop around it."""
    torch.manual_seed(0)
    vector_env = make_env(env, num_envs=num_envs, device=device, options=options or {})
    return Loop(
        vector_env,
        num_envs=num_envs,
        device=device,
        policy=None if policy is None else _make_policy(policy, vector_env),
        **settings,
    )


def _make_policy(name: str, env: Any) -> nn.Module:  # noqa: ANN401 - whatever a factory returned
    policy = resolve_callable(name)(env)
    if not isinstance(policy, nn.Module):
        raise BadInputError(f"{name} returned a {type(policy).__name__}; it must return a torch.nn.Module.")
    return policy


def _limit_memory(device: torch.device) -> None:
    """Let this process ask for no more memory than there is: it is refused then, and the machine lives."""
    if not sys.platform.startswith("linux") or device.type != "cpu":
        return
    import resource  # noqa: PLC0415 - not on Windows

    most = int(MEMORY_SHARE * available_host_bytes())
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _count_host_syncs(loop: Loop) -> dict[str, Any]:
    """Count in its own rollout, which is not timed: counting takes time."""
    with host_syncs(loop.device) as places:
        loop.rollout(lambda: None)
    overhead, count = None, places.total()
    if loop.device.type == "cuda":
        overhead, profiled = profile_syncs(lambda: loop.rollout(lambda: None))
        count = max(count, profiled)  # PyTorch knows where, the profiler also sees other libraries
    return {
        "host_syncs": count / loop.horizon,
        "host_syncs_at": [(place, often / loop.horizon) for place, often in places.most_common(5)],
        "sync_overhead": overhead,
    }
