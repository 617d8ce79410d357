"""Split of a training loop's time into stepping, inference and learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.measure._compare import Comparison
from stepscope.measure._subprocess import run_in_subprocess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepscope.measure._timing import Timing

__all__ = ["LoopSplit", "LoopSplits", "loop_split", "loop_splits"]

_TIMINGS = ("stepping", "inference", "learning", "rollout", "total", "without_rendering")
_LEAST = 3  # iterations that are timed, however long they take


@dataclass(frozen=True, kw_only=True)
class LoopSplit:
    """Split of a training loop's time, in seconds per vector step, each with its quartiles.

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
    gpu_busy
        Share of the time in which the GPU ran at least one kernel, as its driver reports it; None on the CPU, where
        the driver does not tell, and for `loop_splits`.
    outside_operations
        Least and largest share of a vector step on the CPU that no operation of PyTorch and no kernel of Warp takes: that
        is Python, and what other libraries do. None on CUDA, and for `loop_splits`.
    device, clock, threads
        Where it ran; ``"events"`` of CUDA, ``"wall"`` or ``"cpu"``, CPU time; and PyTorch's threads.
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
    gpu_busy: float | None = None
    outside_operations: tuple[float, float] | None = None


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
    loop = {
        "env": env,
        "num_envs": num_envs,
        "options": dict(options or {}),
        "policy": policy,
        "horizon": horizon,
        "hidden": list(hidden),
        "epochs": epochs,
        "minibatches": minibatches,
    }
    return _time_loops(
        {"": loop},
        device=device,
        threads=threads,
        clock="wall",
        warm_up=seconds,
        limits={"budget": seconds, "least": _LEAST, "most": repeats, "precision": 0.0},
        limit=limit,
        activity=True,
    ).splits[""]


@dataclass(frozen=True, kw_only=True)
class LoopSplits:
    """Splits of several training loops, measured in turns.

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
        On a CPU in CPU seconds, which other processes do not take away; on CUDA by its events.

    Raises
    ------
    BadInputError, MeasurementFailedError
        As from `loop_split`.
    """
    return _time_loops(
        loops,
        device=device,
        threads=1,
        clock="cpu",
        warm_up=1.0,
        limits={"budget": budget},
        limit=limit,
    )


def _time_loops(loops: Mapping[Any, Mapping[str, Any]], *, limit: float, **settings: Any) -> LoopSplits:  # noqa: ANN401 - as `time_loops` takes them
    names = list(loops)
    data = run_in_subprocess(
        "stepscope.measure._loop_timing:time_loops",
        limit=limit,
        loops=[dict(loop) for loop in loops.values()],
        **settings,
    )
    times = Comparison.from_json(data["times"], names)
    splits = {}
    for name, about in zip(names, data["loops"], strict=True):
        timings = {part: times.seconds((name, part)) for part in _TIMINGS if (name, part) in times.rounds[0]}
        about["host_syncs_at"] = tuple((place, often) for place, often in about["host_syncs_at"])
        if about.get("outside_operations"):
            about["outside_operations"] = tuple(about["outside_operations"])
        splits[name] = LoopSplit(**{**dict.fromkeys(_TIMINGS), **timings, **about})
    return LoopSplits(splits=splits, times=times)
