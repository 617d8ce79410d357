"""Measure a target at several sizes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure import GpuUtilisation, MeasurementFailedError, footprint_of_command, loop_split
from stepscope.plan.bottleneck._log import read_point
from stepscope.plan.bottleneck._parts import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stepscope.measure import LoopSplit
    from stepscope.plan._target import Target

__all__ = ["Measurement", "measure_sizes"]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Times at one size, or the reason why there are none.

    Attributes
    ----------
    num_envs
        The size.
    point
        The times; None where the run failed.
    split
        The whole measurement of a factory; None for a command.
    gpu_busy
        Share of the time in which the GPU ran at least one kernel; None without a GPU.
    problem
        Why the run failed, in one line; empty where it did not.
    """

    num_envs: int
    point: Point | None = None
    split: LoopSplit | None = None
    gpu_busy: float | None = None
    problem: str = ""


def measure_sizes(
    target: Target,
    sizes: Iterable[int],
    *,
    limit: float,
    on_measurement: Callable[[Measurement], None] = lambda _: None,
    **settings: Any,  # noqa: ANN401 - those of `loop_split`
) -> tuple[Measurement, ...]:
    """Measure one size after the other, smallest first, up to the first that fails: larger ones would as well.

    Parameters
    ----------
    target
        A factory, around which `loop_split` is run, or a command, whose output is read.
    sizes
        Numbers of environments.
    limit
        Time for one size, in seconds.
    on_measurement
        Called with each measurement at once.
    settings
        Passed on to `loop_split`.

    Raises
    ------
    BadInputError
        The target refuses the smallest size.
    """
    measurements: list[Measurement] = []
    for num_envs in sorted(set(sizes)):
        try:
            measurements.append(_measure(target, num_envs, limit=limit, settings=settings))
        except BadInputError as error:
            if not measurements:
                raise
            measurements.append(Measurement(num_envs=num_envs, problem=str(error)))
        on_measurement(measurements[-1])
        if measurements[-1].problem:
            break
    return tuple(measurements)


def _measure(target: Target, num_envs: int, *, limit: float, settings: Mapping[str, Any]) -> Measurement:
    if target.factory is None:
        return _run_command(target, num_envs, limit=limit)
    try:
        split = loop_split(target.factory, num_envs=num_envs, limit=limit, **settings)
    except MeasurementFailedError as error:
        return Measurement(num_envs=num_envs, problem=error.reason)
    return Measurement(num_envs=num_envs, point=Point.from_split(split), split=split, gpu_busy=split.gpu_busy)


def _run_command(target: Target, num_envs: int, *, limit: float) -> Measurement:
    """Run the command and read the end of its output, standard error included."""
    command = target.command_for(num_envs)
    with GpuUtilisation() as utilisation:
        outcome = footprint_of_command(command, limit_seconds=limit)
    if not outcome.ok:
        return Measurement(num_envs=num_envs, problem=outcome.reason)
    name = f"the output of the command with {num_envs:,} environments"
    log = io.BytesIO(outcome.printed.encode())
    point = read_point(log, num_envs=num_envs, name=name)
    return Measurement(num_envs=num_envs, point=point, gpu_busy=utilisation.busy)
