"""Where the time of a training loop goes: stepping, inference, learning."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._compare import Comparison
from stepscope.measure._subprocess import run_in_subprocess
from stepscope.measure._timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stepscope.measure._compare import Elapsed

__all__ = ["LoopSplit", "LoopSplits", "loop_split", "loop_splits"]

_STEADY = 1.1  # the slowest of the last three iterations over the fastest
_KEPT_FREE = 0.95  # of the memory that is there, a loop may ask for so much
_LEAST = 3  # iterations that are timed, however long they take
_WARM_UP = 1.0  # seconds that a loop among several may take until it is steady
_TIMINGS = ("stepping", "inference", "learning", "rollout", "total", "without_rendering")
_PARTS: dict[str, Callable[[tuple[float, float, float]], float]] = {
    "stepping": lambda part: part[0],
    "inference": lambda part: part[1],
    "learning": lambda part: part[2],
    "rollout": lambda part: part[0] + part[1],
    "total": sum,
}
"""How each is made of stepping, inference and learning."""


@dataclass(frozen=True, kw_only=True)
class LoopSplit:
    """Where the time of a training loop goes, in seconds per vector step, each with its quartiles.

    Attributes
    ----------
    num_envs, horizon
        Environments, and vector steps per rollout.
    stepping
        Inside of the environment's ``step()``.
    inference
        The rest of the rollout: policy, value function and storing.
    learning
        The update, divided by the horizon.
    rollout, total
        Stepping and inference; and all three: ``num_envs`` divided by one of these is the rate of that scope.
    without_rendering
        Stepping with the rendering switched off; None where the environment does not say that it can.
    host_syncs
        How often the host reads from the device in a vector step, for which it waits where that is a GPU.
    host_syncs_at
        Where, as ``file:line``, with how often in a vector step; the most frequent first.
    sync_overhead
        Share of the rollout that would be saved if host and device did not wait for one another; None on the CPU,
        where there is nothing to wait for.
    device, clock, threads
        Where it ran; ``"events"`` of CUDA, ``"wall"`` or ``"cpu"``, the time of the processor; and PyTorch's threads.
    warm_up, steady
        Iterations before the first that counts, and whether the last three of them agreed within a tenth.
    """

    num_envs: int
    horizon: int
    stepping: Timing
    inference: Timing
    learning: Timing
    rollout: Timing
    total: Timing
    without_rendering: Timing | None
    host_syncs: float
    host_syncs_at: tuple[tuple[str, float], ...]
    sync_overhead: float | None
    device: str
    clock: str
    threads: int
    warm_up: int
    steady: bool


def loop_split(
    env: str,
    *,
    num_envs: int,
    options: Mapping[str, Any] | None = None,
    policy: str | None = None,
    horizon: int = 16,
    hidden: Sequence[int] = (64, 64),
    epochs: int = 5,
    minibatches: int = 4,
    device: str | None = None,
    threads: int = 1,
    repeats: int = 9,
    seconds: float = 6.0,
    limit: float = 120.0,
) -> LoopSplit:
    """Time a training loop around an environment, in a fresh process, split into stepping, inference and learning.

    The loop is our own, in plain PyTorch: a policy and a value function, multilayer perceptrons with ELU, a rollout,
    and PPO's clipped objective with Adam. Nothing in it waits for the device.

    Parameters
    ----------
    env
        ``"module:factory"``, called with ``num_envs`` and the options, and with ``device`` if it takes one. What it
        returns follows Gymnasium's vector convention, with tensors or NumPy arrays. Where its steps render and need
        not, it has ``rendering``, which is True and may be set to False.
    num_envs
        How many environments.
    options
        More keyword arguments of the factory, as JSON can hold them.
    policy
        ``"module:function"``, called with the environment; the `torch.nn.Module` that it returns turns observations
        into means of actions, or into logits where they are discrete. None is a multilayer perceptron.
    horizon, hidden, epochs, minibatches
        Vector steps per rollout; widths of the hidden layers; passes over a rollout and the parts of each.
    device
        None is CUDA where there is one, else the CPU.
    threads
        PyTorch's, on the CPU.
    repeats
        Iterations that count, after as many as it takes until three in a row agree within a tenth.
    seconds
        Begin no further iteration after so long, if three were timed; the warm-up may take as long again.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    LoopSplit
        On CUDA, times are those between events in PyTorch's stream, and the host waits at the end of an iteration only.

    Raises
    ------
    BadInputError
        There is no such factory, it refused, or what it returned does not keep to the convention.
    MeasurementFailedError
        The process raised, died or took too long, for instance for want of memory.
    """
    found = run_in_subprocess(
        "stepscope.measure._split:_split",
        limit=limit,
        env=env,
        policy=policy,
        num_envs=num_envs,
        options=dict(options or {}),
        settings={
            "horizon": horizon,
            "hidden": list(hidden),
            "epochs": epochs,
            "minibatches": minibatches,
        },
        device=device,
        threads=threads,
        repeats=repeats,
        seconds=seconds,
    )
    for name in _TIMINGS:
        found[name] = None if found[name] is None else Timing(**found[name])
    found["host_syncs_at"] = tuple((where, often) for where, often in found["host_syncs_at"])
    return LoopSplit(**found)


@dataclass(frozen=True, kw_only=True)
class LoopSplits:
    """Where the time of several training loops goes, measured in turns.

    Attributes
    ----------
    splits
        Name of each loop to its split.
    times
        The times, a side for each part of each loop: ``(name, "stepping")`` and so on, by the attributes of
        `LoopSplit`.
    """

    splits: Mapping[Any, LoopSplit]
    times: Comparison


def loop_splits(
    loops: Mapping[Any, Mapping[str, Any]],
    *,
    budget: float = 20.0,
    device: str | None = None,
    limit: float = 900.0,
) -> LoopSplits:
    """Time several training loops in turns, in one fresh process: an iteration of each, again and again.

    Parameters
    ----------
    loops
        Name to arguments of `loop_split`: ``env`` and ``num_envs``, and where they differ from its defaults ``options``,
        ``policy``, ``horizon``, ``hidden``, ``epochs`` and ``minibatches``.
    budget
        As for `compare`.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    LoopSplits
        On a CPU in seconds of the processor, which other processes do not take away; on CUDA by its events.

    Raises
    ------
    BadInputError, MeasurementFailedError
        As from `loop_split`.
    """
    found = run_in_subprocess(
        "stepscope.measure._split:_splits",
        limit=limit,
        loops=[dict(loop) for loop in loops.values()],
        budget=budget,
        device=device,
    )
    names = list(loops)
    times = Comparison.from_json(found["times"], [(names[index], part) for index, part in found["sides"]])
    splits = {}
    for name, each in zip(names, found["loops"], strict=True):
        each["host_syncs_at"] = tuple((where, often) for where, often in each["host_syncs_at"])
        parts = dict.fromkeys(_TIMINGS) | {
            part: times.seconds((loop, part)) for loop, part in times.rounds[0] if loop == name
        }
        splits[name] = LoopSplit(**parts, **each)
    return LoopSplits(splits=splits, times=times)


def _splits(*, loops: list[dict[str, Any]], budget: float, device: str | None) -> dict[str, Any]:
    """Time the loops here; runs in the fresh process."""
    import torch  # noqa: PLC0415 - for the fresh process only

    from stepscope.measure._compare import compare  # noqa: PLC0415 - the same

    torch.set_num_threads(1)
    _limit_memory(device)
    made = [_made(device=device, **loop) for loop in loops]
    warm = {index: _Warmed(loop) for index, loop in enumerate(made)}
    times = compare(warm, budget=budget)
    return {
        "sides": list(times.rounds[0]),
        "times": times.to_json(),
        "loops": [
            {
                **_waiting(loop, loop.device),
                "num_envs": loop.num_envs,
                "horizon": loop.horizon,
                "device": str(loop.device),
                "clock": "events" if loop.device.type == "cuda" else "cpu",
                "threads": torch.get_num_threads(),
                "warm_up": warm[index].warm_up,
                "steady": warm[index].steady,
            }
            for index, loop in enumerate(made)
        ],
    }


class _Warmed:
    """A loop that has warmed up, and whose every call is an iteration."""

    def __init__(self, loop: Any) -> None:  # noqa: ANN401 - its module imports torch
        self.loop, self.warm_up, self.steady = loop, 0, False
        self._clocks = (_Events(),) if loop.device.type == "cuda" else (_Wall(), _Processor())
        self._warm()

    def __call__(self) -> dict[str, Elapsed]:
        took = self._parts()
        if getattr(self.loop.env, "rendering", False) is True:
            self.loop.env.rendering = False
            took["without_rendering"] = self._parts()["stepping"]
            self.loop.env.rendering = True
        return took

    def _warm(self) -> None:
        import time  # noqa: PLC0415 - stands beside its use

        until = time.perf_counter() + _WARM_UP
        parts: list[tuple[float, float, float]] = []
        while not (parts and (_steady(parts) or time.perf_counter() > until)):
            parts.append(_iteration(self.loop, *self._clocks)[-1])
        self.warm_up, self.steady = len(parts), _steady(parts)

    def _parts(self) -> dict[str, Elapsed]:
        from stepscope.measure._compare import Elapsed  # noqa: PLC0415 - for the fresh process only

        laps = _iteration(self.loop, *self._clocks)
        wall, cpu = laps[0], laps[1] if len(laps) > 1 else None
        return {name: Elapsed(wall=of(wall), cpu=of(cpu) if cpu else None) for name, of in _PARTS.items()}


def _split(
    *,
    env: str,
    policy: str | None,
    num_envs: int,
    options: dict[str, Any],
    settings: dict[str, Any],
    device: str | None,
    threads: int,
    repeats: int,
    seconds: float,
) -> dict[str, Any]:
    """Time the loop here; runs in the fresh process."""
    import torch  # noqa: PLC0415 - for the fresh process only

    torch.set_num_threads(threads)
    _limit_memory(device)
    loop = _made(env, num_envs=num_envs, options=options, policy=policy, device=device, **settings)
    clock = _Events() if loop.device.type == "cuda" else _Wall()
    found = _timed(loop, clock, repeats=repeats, seconds=seconds)
    found |= _waiting(loop, loop.device)
    found["without_rendering"] = None
    if getattr(loop.env, "rendering", False) is True:
        loop.env.rendering = False
        found["without_rendering"] = _timed(loop, clock, repeats=repeats, seconds=seconds)["stepping"]
    return {
        **found,
        "num_envs": num_envs,
        "horizon": loop.horizon,
        "device": str(loop.device),
        "clock": clock.name,
        "threads": torch.get_num_threads(),
    }


def _made(
    env: str,
    *,
    num_envs: int,
    options: Mapping[str, Any] | None = None,
    policy: str | None = None,
    device: str | None = None,
    hidden: Sequence[int] = (64, 64),
    **settings: int,
) -> Any:  # noqa: ANN401 - a Loop, whose module imports torch
    """Make an environment and the loop around it."""
    import torch  # noqa: PLC0415 - all of these are for the fresh process only

    from stepscope._common.devices import usable_device  # noqa: PLC0415
    from stepscope.measure._factory import make_env  # noqa: PLC0415
    from stepscope.measure._loop import Loop, LoopSettings  # noqa: PLC0415

    where = usable_device(device)
    torch.manual_seed(0)
    world = make_env(env, num_envs=num_envs, device=where, options=dict(options or {}))
    chosen = LoopSettings(hidden=tuple(hidden), **settings)
    return Loop(world, num_envs=num_envs, device=where, settings=chosen, policy=_policy(policy, world))


def _limit_memory(device: str | None) -> None:
    """Let this process ask for no more memory than there is: it is refused then, and the machine lives."""
    from stepscope._common.devices import usable_device  # noqa: PLC0415 - imports torch

    if not sys.platform.startswith("linux") or usable_device(device).type != "cpu":
        return
    import resource  # noqa: PLC0415 - for the fresh process, on Linux

    from stepscope.measure._host_memory import available_host_bytes  # noqa: PLC0415 - the same

    most = int(_KEPT_FREE * available_host_bytes())
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _policy(name: str | None, world: Any) -> Any:  # noqa: ANN401 - a module of torch, which is not imported here
    """Return what a function of this name makes for the environment."""
    if name is None:
        return None
    from torch import nn  # noqa: PLC0415 - as above

    from stepscope._common.callables import resolve_callable  # noqa: PLC0415

    policy = resolve_callable(name)(world)
    if not isinstance(policy, nn.Module):
        raise BadInputError(f"{name} returned a {type(policy).__name__}; it must return a torch.nn.Module.")
    return policy


class _Wall:
    """Moments of the host's clock: nothing is waited for, as nothing runs beside the host."""

    name = "wall"

    def __init__(self) -> None:
        self._moments: list[float] = []

    def mark(self) -> None:
        import time  # noqa: PLC0415 - stands beside its use

        self._moments.append(time.perf_counter())

    def laps(self) -> list[float]:
        """Return the seconds between the marks since the last call."""
        found = [end - begin for begin, end in zip(self._moments, self._moments[1:], strict=False)]
        self._moments = []
        return found


class _Processor(_Wall):
    """Moments of the clock that counts what this process computes."""

    name = "cpu"

    def mark(self) -> None:
        import time  # noqa: PLC0415 - stands beside its use

        self._moments.append(time.process_time())


class _Events:
    """Moments at which the device reaches a mark in PyTorch's stream."""

    name = "events"

    def __init__(self) -> None:
        self._moments: list[Any] = []

    def mark(self) -> None:
        import torch  # noqa: PLC0415 - for the fresh process only

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self._moments.append(event)

    def laps(self) -> list[float]:
        """Wait for the device, and return the seconds between the marks since the last call."""
        self._moments[-1].synchronize()
        found = [
            begin.elapsed_time(end) / 1e3
            for begin, end in zip(self._moments, self._moments[1:], strict=False)
        ]
        self._moments = []
        return found


def _timed(loop: Any, clock: _Wall | _Events, *, repeats: int, seconds: float) -> dict[str, Any]:  # noqa: ANN401 - its module imports torch
    """Warm up until steady, then time iterations."""
    import time  # noqa: PLC0415 - as above

    warm = _iteration(loop, clock)  # it may compile, which does not count
    until = time.perf_counter() + seconds
    while not _steady(warm) and time.perf_counter() < until:
        warm += _iteration(loop, clock)
    until = time.perf_counter() + seconds
    parts: list[tuple[float, float, float]] = []
    while len(parts) < repeats and (len(parts) < _LEAST or time.perf_counter() < until):
        parts += _iteration(loop, clock)
    return {**_summaries(parts), "warm_up": len(warm), "steady": _steady(warm)}


def _iteration(loop: Any, *clocks: _Wall | _Events) -> list[tuple[float, float, float]]:  # noqa: ANN401 - the same
    """Return the seconds per vector step that one iteration spent on stepping, inference and learning, by each clock."""

    def mark() -> None:
        for clock in clocks:
            clock.mark()

    mark()
    loop.rollout(mark)
    mark()
    loop.update()
    mark()
    found = []
    for clock in clocks:
        *rollout, learning = clock.laps()
        found.append(
            (sum(rollout[1::2]) / loop.horizon, sum(rollout[::2]) / loop.horizon, learning / loop.horizon)
        )
    return found


def _steady(parts: Sequence[tuple[float, float, float]]) -> bool:
    last = [sum(part) for part in parts[-3:]]
    return len(last) == 3 and max(last) < _STEADY * min(last)  # noqa: PLR2004 - three, as promised above


def _summaries(parts: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """Return median and quartiles of each part and of their sums."""
    from dataclasses import asdict  # noqa: PLC0415 - as above

    from stepscope.measure._timing import summarise  # noqa: PLC0415

    return {name: asdict(summarise([of(part) for part in parts])) for name, of in _PARTS.items()}


def _waiting(loop: Any, device: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Count in a rollout of its own, which is not timed: counting takes time."""
    from stepscope.measure._host_syncs import host_syncs, profile_syncs  # noqa: PLC0415 - imports torch

    with host_syncs(device) as found:
        loop.rollout(lambda: None)
    lost, often = None, sum(found.values())
    if device.type == "cuda":
        lost, seen = profile_syncs(lambda: loop.rollout(lambda: None))
        often = max(often, seen)  # PyTorch knows where, the profiler also sees other libraries
    where = [(place, count / loop.horizon) for place, count in found.most_common(5)]
    return {"host_syncs": often / loop.horizon, "host_syncs_at": where, "sync_overhead": lost}
