"""Where the time of a training loop goes: stepping, inference, learning."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._fresh import fresh
from stepscope.measure._timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["LoopSplit", "loop_split"]

_STEADY = 1.1  # the slowest of the last three iterations over the fastest
_KEPT_FREE = 0.95  # of the memory that is there, a loop may ask for so much
_LEAST = 3  # iterations that are timed, however long they take


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
    waits
        How often the host reads from the device in a vector step, for which it waits where that is a GPU.
    waits_at
        Where, as ``file:line``, with how often in a vector step; the most frequent first.
    lost
        Share of the rollout that would be saved if host and device did not wait for one another; None on the CPU,
        where there is nothing to wait for.
    device, clock, threads
        Where it ran; ``"events"`` of CUDA or ``"wall"``; and PyTorch's threads.
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
    waits: float
    waits_at: tuple[tuple[str, float], ...]
    lost: float | None
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
    found = fresh(
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
    timings = ("stepping", "inference", "learning", "rollout", "total", "without_rendering")
    for name in timings:
        found[name] = None if found[name] is None else Timing(**found[name])
    found["waits_at"] = tuple((where, often) for where, often in found["waits_at"])
    return LoopSplit(**found)


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
    import torch  # noqa: PLC0415 - all of these are for the fresh process only

    from stepscope._device import usable_device  # noqa: PLC0415
    from stepscope.measure._factory import made_by  # noqa: PLC0415
    from stepscope.measure._loop import Loop, LoopSettings  # noqa: PLC0415

    where = usable_device(device)
    if where.type == "cpu":
        _limit_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    world = made_by(env, num_envs=num_envs, device=where, options=options)
    chosen = LoopSettings(**{**settings, "hidden": tuple(settings["hidden"])})
    loop = Loop(world, num_envs=num_envs, device=where, settings=chosen, policy=_policy(policy, world))
    clock = _Events() if where.type == "cuda" else _Wall()
    found = _timed(loop, clock, repeats=repeats, seconds=seconds)
    found |= _waiting(loop, where)
    found["without_rendering"] = None
    if getattr(world, "rendering", False) is True:
        world.rendering = False
        found["without_rendering"] = _timed(loop, clock, repeats=repeats, seconds=seconds)["stepping"]
    return {
        **found,
        "num_envs": num_envs,
        "horizon": loop.horizon,
        "device": str(where),
        "clock": clock.name,
        "threads": torch.get_num_threads(),
    }


def _limit_memory() -> None:
    """Let this process ask for no more memory than there is: it is refused then, and the machine lives."""
    if not sys.platform.startswith("linux"):
        return
    import resource  # noqa: PLC0415 - for the fresh process, on Linux

    from stepscope.measure._machine import available_bytes  # noqa: PLC0415 - the same

    most = int(_KEPT_FREE * available_bytes())
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _policy(name: str | None, world: Any) -> Any:  # noqa: ANN401 - a module of torch, which is not imported here
    """Return what a function of this name makes for the environment."""
    if name is None:
        return None
    from torch import nn  # noqa: PLC0415 - as above

    from stepscope.measure._factory import found_by_name  # noqa: PLC0415

    policy = found_by_name(name)(world)
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

    warm = [_iteration(loop, clock)]  # it may compile, which does not count
    until = time.perf_counter() + seconds
    while not _steady(warm) and time.perf_counter() < until:
        warm.append(_iteration(loop, clock))
    until = time.perf_counter() + seconds
    parts: list[tuple[float, float, float]] = []
    while len(parts) < repeats and (len(parts) < _LEAST or time.perf_counter() < until):
        parts.append(_iteration(loop, clock))
    return {**_summaries(parts), "warm_up": len(warm), "steady": _steady(warm)}


def _iteration(loop: Any, clock: _Wall | _Events) -> tuple[float, float, float]:  # noqa: ANN401 - the same
    """Return the seconds per vector step that one iteration spent on stepping, inference and learning."""
    clock.mark()
    loop.rollout(clock.mark)
    clock.mark()
    loop.update()
    clock.mark()
    *rollout, learning = clock.laps()
    each = loop.horizon
    return sum(rollout[1::2]) / each, sum(rollout[::2]) / each, learning / each


def _steady(parts: Sequence[tuple[float, float, float]]) -> bool:
    last = [sum(part) for part in parts[-3:]]
    return len(last) == 3 and max(last) < _STEADY * min(last)  # noqa: PLR2004 - three, as promised above


def _summaries(parts: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """Return median and quartiles of each part and of their sums."""
    from dataclasses import asdict  # noqa: PLC0415 - as above

    from stepscope.measure._timing import summarise  # noqa: PLC0415

    pick: dict[str, Callable[[tuple[float, float, float]], float]] = {
        "stepping": lambda part: part[0],
        "inference": lambda part: part[1],
        "learning": lambda part: part[2],
        "rollout": lambda part: part[0] + part[1],
        "total": sum,
    }
    return {name: asdict(summarise([of(part) for part in parts])) for name, of in pick.items()}


def _waiting(loop: Any, device: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Count in a rollout of its own, which is not timed: counting takes time."""
    from stepscope.measure._waits import profiled, waits  # noqa: PLC0415 - imports torch

    with waits(device) as found:
        loop.rollout(lambda: None)
    lost, often = None, sum(found.values())
    if device.type == "cuda":
        lost, seen = profiled(lambda: loop.rollout(lambda: None))
        often = max(often, seen)  # PyTorch knows where, the profiler also sees other libraries
    where = [(place, count / loop.horizon) for place, count in found.most_common(5)]
    return {"waits": often / loop.horizon, "waits_at": where, "lost": lost}
