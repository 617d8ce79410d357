"""Time of a vector step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stepscope._common.callables import resolve_callable
from stepscope.measure._compare import Comparison, compare
from stepscope.measure._subprocess import run_in_subprocess
from stepscope.measure._timing import Timing, stopwatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        Number of environments.
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
        Seconds per vector step, of processor time on a CPU and of wall time on CUDA; ``num_envs / timing.median`` is
        the rate in environment steps per second.

    Raises
    ------
    BadInputError
        The environment refused its arguments, or there is no such device here.
    MeasurementFailedError
        The process raised, died or took too long, for instance for want of memory.
    """
    side = {"num_envs": num_envs, **(options or {})}
    return step_times({"": side}, env=env, device=device, limit=limit).seconds("")


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
        Seconds per vector step of each side: processor time on a CPU, wall time on CUDA.

    Raises
    ------
    BadInputError
        The environment refused its arguments, or there is no such device here.
    MeasurementFailedError
        The process raised, died or took too long, for instance for want of memory.
    """
    names = list(sides)
    data = run_in_subprocess(
        "stepscope.measure._steps:_compare_steps",
        limit=limit,
        env=env,
        sides=[dict(side) for side in sides.values()],
        thresholds=[(names.index(one), names.index(other), ratio) for one, other, ratio in thresholds],
        budget=budget,
        device=device,
    )
    return Comparison.from_json(data, names)


def _compare_steps(
    *,
    env: str,
    sides: list[dict[str, Any]],
    thresholds: list[tuple[int, int, float]],
    budget: float,
    device: str | None,
) -> dict[str, Any]:
    """Compare the steps; runs in the fresh process, where torch is imported."""
    import torch  # noqa: PLC0415 - for the fresh process only

    from stepscope._common.devices import usable_device  # noqa: PLC0415 - the same

    make = resolve_callable(env)
    torch_device = usable_device(device)
    synchronise = torch.cuda.synchronize if torch_device.type == "cuda" else None
    watches = {}
    for index, side in enumerate(sides):
        vector_env = make(device=str(torch_device), seed=0, **side)
        vector_env.reset()
        shape = (side["num_envs"], *vector_env.single_action_space.shape)
        actions = 2.0 * torch.rand(shape, device=torch_device) - 1.0
        watches[index] = stopwatch(partial(vector_env.step, actions), synchronise=synchronise)
    return compare(watches, thresholds=thresholds, budget=budget).to_json()
