"""How long a vector step takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope.measure._fresh import fresh
from stepscope.measure._timing import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["step_time"]


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
    result = fresh(
        "stepscope.measure._steps:_measure",
        limit=limit,
        num_envs=num_envs,
        env=env,
        options=dict(options or {}),
        device=device,
    )
    return Timing(**result)


def _measure(*, num_envs: int, env: str, options: dict[str, Any], device: str | None) -> dict[str, Any]:
    """Time the steps here; runs in the fresh process."""
    import importlib  # noqa: PLC0415 - all of these are for the fresh process only
    from dataclasses import asdict  # noqa: PLC0415

    import torch  # noqa: PLC0415

    from stepscope._device import usable_device  # noqa: PLC0415
    from stepscope.measure._timing import cuda_clock, time_blocks, wall_clock  # noqa: PLC0415

    where = usable_device(device)
    module, _, name = env.partition(":")
    world = getattr(importlib.import_module(module), name)(num_envs, device=str(where), seed=0, **options)
    world.reset()
    shape = (num_envs, *world.single_action_space.shape)
    actions = 2.0 * torch.rand(shape, device=where) - 1.0
    on_gpu = where.type == "cuda"
    timing = time_blocks(
        lambda: world.step(actions),
        synchronise=torch.cuda.synchronize if on_gpu else lambda: None,
        clock=cuda_clock if on_gpu else wall_clock,
    )
    return {**asdict(timing), "threads": torch.get_num_threads()}
