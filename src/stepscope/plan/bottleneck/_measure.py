"""Measure a target at several sizes, for the verdict on what limits it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure import MeasurementFailedError, footprint_of_command, loop_split
from stepscope.plan.bottleneck._log import point_from_log
from stepscope.plan.bottleneck._parts import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from stepscope.measure import LoopSplit
    from stepscope.plan._target import Target

__all__ = ["Measured", "times_of"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A size, and what was measured there or why nothing was.

    Attributes
    ----------
    num_envs
        The size.
    point
        The times; None where the run failed.
    split
        The whole measurement of a factory; None for a command.
    problem, output_tail
        Why there is none, in one line, and the last lines that the process printed; empty where all went well.
    """

    num_envs: int
    point: Point | None = None
    split: LoopSplit | None = None
    problem: str = ""
    output_tail: str = ""


def times_of(
    target: Target,
    sizes: Iterable[int],
    *,
    limit: float,
    tell: Callable[[Measured], None] = lambda _: None,
    **settings: Any,  # noqa: ANN401 - those of `loop_split`
) -> tuple[Measured, ...]:
    """Measure one size after the other, smallest first, up to the first that fails: larger ones would as well.

    Parameters
    ----------
    target
        A factory, around which `loop_split` is run, or a command, whose output is read.
    sizes
        Numbers of environments.
    limit
        Time for one size, in seconds.
    tell
        Called with each as soon as it is measured.
    settings
        Passed on to `loop_split`.

    Raises
    ------
    BadInputError
        The target refuses the smallest size.
    """
    found: list[Measured] = []
    for num_envs in sorted(set(sizes)):
        try:
            found.append(_at(target, num_envs, limit=limit, settings=settings))
        except BadInputError as error:
            if not found:
                raise
            found.append(Measured(num_envs=num_envs, problem=str(error)))
        tell(found[-1])
        if found[-1].problem:
            break
    return tuple(found)


def _at(target: Target, num_envs: int, *, limit: float, settings: Mapping[str, Any]) -> Measured:
    if target.factory is None:
        return _run(target, num_envs, limit=limit)
    try:
        split = loop_split(target.factory, num_envs=num_envs, limit=limit, **settings)
    except MeasurementFailedError as error:
        return Measured(num_envs=num_envs, problem=error.reason, output_tail=error.output_tail)
    return Measured(num_envs=num_envs, point=Point.of(split), split=split)


def _run(target: Target, num_envs: int, *, limit: float) -> Measured:
    """Run the command and read the end of what it printed, standard error included."""
    command = target.command_for(num_envs)
    outcome = footprint_of_command(command, limit_seconds=limit)
    if not outcome.ok:
        return Measured(num_envs=num_envs, problem=outcome.reason, output_tail=outcome.output_tail)
    name = f"the output of the command with {num_envs:,} environments"
    log = io.BytesIO(outcome.printed.encode())
    return Measured(num_envs=num_envs, point=point_from_log(log, num_envs=num_envs, name=name))
