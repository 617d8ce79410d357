"""What follows from the printed numbers of an iteration and of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stepscope.logs._records import Record

__all__ = ["Counters", "counters_of", "derive"]

_DAY = 86400
# A rate that follows from rounded numbers is given only if it cannot be further off.
_TOLERANCE = 0.05


class Counters(NamedTuple):
    """What the next iteration is compared with.

    Attributes
    ----------
    iteration, env_steps, fps, elapsed
        As printed; `fps` is the cumulative rate.
    strict
        Whether the same count again is a new run: a bar may be drawn twice.
    days
        How often a clock of 24 hours has begun again.
    """

    iteration: int | None
    env_steps: int | None
    fps: float | None
    elapsed: float | None
    strict: bool
    days: int = 0

    def restarts(self, before: Counters) -> bool:
        """Say whether this counts from the start again."""
        if self.iteration is not None and before.iteration is not None:
            return self.iteration < before.iteration or (self.strict and self.iteration == before.iteration)
        if self.env_steps is not None and before.env_steps is not None:
            return self.env_steps < before.env_steps
        return False

    def after(self, before: Counters | None) -> Counters:
        """Return this with the days of the one before, and one more if the clock began again."""
        if before is None or self.elapsed is None or before.elapsed is None:
            return self
        return self._replace(days=before.days + (self.elapsed < before.elapsed))


def counters_of(record: Record) -> Counters:
    """Return what the next iteration is compared with."""
    return Counters(
        record.iteration,
        record.env_steps,
        record.fps.cumulative,
        record.seconds.elapsed,
        record.kind == "iteration",
    )


def derive(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:
    """Return what follows for an iteration, under the name of the field that it completes or corrects."""
    derived: dict[str, float] = {} if before is not None else {"cold": 1}
    if record.library == "rl_games":
        derived |= _rl_games(own, before)
    elif record.library == "rsl_rl":
        derived |= _rsl_rl(record, own)
    elif record.library == "sb3":
        derived |= _sb3(own, before)
    return derived


def _rl_games(own: Counters, before: Counters | None) -> dict[str, float]:
    """PPO for continuous actions counts the frames before it adds this epoch's (rl_games a2c_common.py:1385)."""
    if before is None or own.env_steps is None or before.env_steps is None:
        return {}
    if own.iteration is None or before.iteration != own.iteration - 1:
        return {}
    added = own.env_steps - before.env_steps
    if added <= 0 or own.env_steps != (own.iteration - 1) * added:
        return {}
    return {"env_steps": own.env_steps + added}


def _rsl_rl(record: Record, own: Counters) -> dict[str, float]:
    """Up to 3.1 the time left counts one iteration too many; from 2.3.1 to 5.3 the clock has 24 hours."""
    derived: dict[str, float] = {}
    iteration, iterations, eta = record.iteration, record.iterations, record.seconds.eta
    early = "Computation" in record.metrics
    if early and iteration is not None and iterations is not None and eta is not None:
        left = iterations - iteration
        if left > 0 and 0 <= eta < float("inf"):
            derived["seconds.eta"] = eta * (left - 1) / left
    if own.days and own.elapsed is not None:
        derived["seconds.elapsed"] = own.elapsed + own.days * _DAY
    return derived


def _sb3(own: Counters, before: Counters | None) -> dict[str, float]:
    """Two tables tell the rate between them; all of their numbers are rounded down, so it lies between two bounds."""
    if before is None or own.env_steps is None or before.env_steps is None:
        return {}
    steps = own.env_steps - before.env_steps
    if steps <= 0:
        return {}
    began = _began(own, before)
    first, last = _elapsed(before, began), _elapsed(own, began)
    if first is None or last is None:
        return {}
    shortest, longest = last[0] - first[1], last[1] - first[0]
    if shortest <= 0 or longest > shortest * (1 + 2 * _TOLERANCE):
        return {}
    return {"fps.total": 2 * steps / (shortest + longest)}


def _began(own: Counters, before: Counters) -> int | None:
    """Return how many steps were taken before this training, which its rate does not count; None if nothing tells."""
    if own.iteration is None or before.iteration is None or own.env_steps is None or before.env_steps is None:
        return None
    iterations = own.iteration - before.iteration
    if iterations <= 0:
        return None
    return max(0, own.env_steps - (own.env_steps - before.env_steps) * own.iteration // iterations)


def _elapsed(own: Counters, began: int | None) -> tuple[float, float] | None:
    """Return between which seconds since training began a table was printed: by its clock and by its rate."""
    if own.elapsed is None or not 0 <= own.elapsed < float("inf"):
        return None
    low, high = float(own.elapsed), own.elapsed + 1.0
    if began is not None and own.fps is not None and own.env_steps is not None and 0 < own.fps < float("inf"):
        steps = own.env_steps - began
        by_rate = (steps / (own.fps + 1), steps / own.fps)
        if by_rate[0] < high and by_rate[1] > low:
            low, high = max(low, by_rate[0]), min(high, by_rate[1])
    return low, high
