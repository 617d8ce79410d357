"""How long a vector step takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope.measure._compare import Comparison
from stepscope.measure._subprocess import run_in_subprocess
from stepscope.measure._timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import device as Device  # noqa: N812 - the argument is called device

__all__ = ["step_time", "step_times"]


def step_time(
    num_envs: int,
    *,
    env: str = "stepscope.envs:CartPole",
    options: Mapping[str, Any] | None = None,
    device: str | None = None,
    limit: float = 60.0,
) -> Timing:
    """Time one vector step of an environment, in a fresh process, under random actions.

    Parameters
    ----------
    num_envs
        How many environments.
    env
        ``"module:Class"``, called with `num_envs`, ``device`` and ``seed`` and the options; its ``step`` takes
        actions of shape ``(num_envs, *single_action_space.shape)`` on its ``device``.
    options
        More keyword arguments of the environment, as JSON can hold them.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    Timing
        Seconds per vector step; ``num_envs / timing.median`` is the rate in environment steps per second.

    Raises
    ------
    BadInputError
        The environment refused its arguments, or there is no such device here.
    MeasurementFailedError
        The process raised, died or took too long, for instance for want of memory.
    """
    result = run_in_subprocess(
        "stepscope.measure._steps:_measure",
        limit=limit,
        num_envs=num_envs,
        env=env,
        options=dict(options or {}),
        device=device,
    )
    return Timing(**result)


def step_times(
    sides: Mapping[Any, Mapping[str, Any]],
    *,
    env: str = "stepscope.envs:CartPole",
    thresholds: Sequence[tuple[Any, Any, float]] = (),
    budget: float = 20.0,
    device: str | None = None,
    limit: float = 300.0,
) -> Comparison:
    """Compare vector steps of several sizes or kinds of an environment, in turns within one fresh process.

    Parameters
    ----------
    sides
        Name to keyword arguments of the environment, ``num_envs`` among them, as JSON can hold them.
    env
        As for `step_time`.
    thresholds, budget
        As for `compare`.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds.

    Returns
    -------
    Comparison
        Seconds per vector step of each side: of the processor on a CPU, by the wall clock on CUDA.

    Raises
    ------
    BadInputError
        The environment refused its arguments, or there is no such device here.
    MeasurementFailedError
        The process raised, died or took too long, for instance for want of memory.
    """
    names = list(sides)
    found = run_in_subprocess(
        "stepscope.measure._steps:_compare",
        limit=limit,
        env=env,
        sides=[dict(side) for side in sides.values()],
        thresholds=[(names.index(one), names.index(other), ratio) for one, other, ratio in thresholds],
        budget=budget,
        device=device,
    )
    return Comparison.from_json(found, names)


def _measure(*, num_envs: int, env: str, options: dict[str, Any], device: str | None) -> dict[str, Any]:
    """Time the steps here; runs in the fresh process."""
    from dataclasses import asdict  # noqa: PLC0415 - all of these are for the fresh process only

    import torch  # noqa: PLC0415

    from stepscope._common.devices import usable_device  # noqa: PLC0415
    from stepscope.measure._timing import cuda_clock, time_blocks, wall_clock  # noqa: PLC0415

    where = usable_device(device)
    on_gpu = where.type == "cuda"
    timing = time_blocks(
        _step(env, where, num_envs=num_envs, **options),
        synchronise=torch.cuda.synchronize if on_gpu else lambda: None,
        clock=cuda_clock if on_gpu else wall_clock,
    )
    return {**asdict(timing), "threads": torch.get_num_threads()}


def _compare(
    *,
    env: str,
    sides: list[dict[str, Any]],
    thresholds: list[tuple[int, int, float]],
    budget: float,
    device: str | None,
) -> dict[str, Any]:
    """Compare the steps here; runs in the fresh process."""
    import torch  # noqa: PLC0415 - for the fresh process only

    from stepscope._common.devices import usable_device  # noqa: PLC0415
    from stepscope.measure._compare import compare, stopwatch  # noqa: PLC0415

    where = usable_device(device)
    wait = torch.cuda.synchronize if where.type == "cuda" else None
    watches = {
        index: stopwatch(_step(env, where, **side), synchronise=wait) for index, side in enumerate(sides)
    }
    return compare(watches, thresholds=thresholds, budget=budget).to_json()


def _step(env: str, where: Device, *, num_envs: int, **options: Any) -> Callable[[], object]:  # noqa: ANN401 - of any environment
    """Make an environment and return a function that takes one vector step of it, always with the same random actions."""
    import importlib  # noqa: PLC0415 - this and torch are for the fresh process only

    import torch  # noqa: PLC0415

    module, _, name = env.partition(":")
    world = getattr(importlib.import_module(module), name)(num_envs, device=str(where), seed=0, **options)
    world.reset()
    actions = 2.0 * torch.rand((num_envs, *world.single_action_space.shape), device=where) - 1.0
    return lambda: world.step(actions)
