"""Times of a vector step from the output of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.errors import BadInputError
from stepscope.logs import read
from stepscope.measure import Timing
from stepscope.plan.bottleneck._parts import Point, Scope
from stepscope.runs import Summary

if TYPE_CHECKING:
    from typing import IO

    from stepscope.runs import Rate, RunSummary

__all__ = ["read_point"]

_SCOPES: dict[str, Scope] = {"step": "step", "rollout": "rollout", "total": "total", "bar": "total"}
_VECTOR = "vector steps/s"


def read_point(log: IO[bytes], *, num_envs: int, name: str) -> Point:
    """Return times computed from a run's rates; its first iteration is cold and does not count.

    Parameters
    ----------
    log
        Console output of the run.
    num_envs
        Environments that it ran.
    name
        Name of the log in error messages.

    Raises
    ------
    BadInputError
        The log contains no run, or no rate with a scope after the first iteration.
    """
    summary = Summary(name)
    for record in read(log, num_envs=num_envs):
        summary.add(record)
    if summary.problem() is not None:
        raise BadInputError(f"{name} is not the log of a supported training; check it with stepscope read.")
    run = summary.runs()[-1]
    times: dict[Scope, Timing] = {}
    for rate in run.rates:
        timing = _timing(rate, num_envs=num_envs)
        if timing is not None and rate.scope in _SCOPES:
            times.setdefault(_SCOPES[rate.scope], timing)  # what was printed comes before what was derived
    if not times:
        raise BadInputError(
            f"{name} contains no rate after the first iteration; run at least three iterations."
        )
    times = _with_rollout(times, run)
    return Point(
        num_envs=num_envs, step=times.get("step"), rollout=times.get("rollout"), total=times.get("total")
    )


def _timing(rate: Rate, *, num_envs: int) -> Timing | None:
    """Return seconds per vector step; a high rate is a short time."""
    if rate.warm is None or rate.warm.low <= 0:
        return None
    steps = 1 if rate.unit == _VECTOR else num_envs
    warm = rate.warm
    return Timing(
        median=steps / warm.median, low=steps / warm.high, high=steps / warm.low, repeats=warm.count
    )


def _with_rollout(times: dict[Scope, Timing], run: RunSummary) -> dict[Scope, Timing]:
    """Add the rollout where a library prints the total rate and the seconds of its parts."""
    total = times.get("total")
    if "rollout" in times or total is None or run.time is None:
        return times
    share = run.time.collect
    rollout = Timing(
        median=share * total.median, low=share * total.low, high=share * total.high, repeats=total.repeats
    )
    return {**times, "rollout": rollout}
