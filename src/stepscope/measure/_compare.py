"""Interleaved comparison of times, which other work on the machine delays but does not falsify."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._disturbance import Disturbance, DisturbanceMeter
from stepscope.measure._estimate import Estimate
from stepscope.measure._timing import Elapsed, Timing, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Times of several things, measured in turns.

    Attributes
    ----------
    rounds
        Time of each side in each round.
    disturbance
        How much other work disturbed the measurement.
    """

    rounds: tuple[Mapping[Any, Elapsed], ...]
    disturbance: Disturbance

    @property
    def clock(self) -> str:
        """Clock whose times are compared, ``"cpu"`` where the processor time of all sides is known, else ``"wall"``."""
        known = all(elapsed.cpu is not None for times in self.rounds for elapsed in times.values())
        return "cpu" if known else "wall"

    def seconds(self, side: Hashable) -> Timing:
        """Return the median time of a side, with its quartiles."""
        return summarise([seconds[side] for seconds in self._compared()])

    def wall(self, side: Hashable) -> Timing:
        """Return the same in wall time, whatever is compared."""
        return summarise([times[side].wall for times in self.rounds])

    def ratio(self, one: Hashable, other: Hashable) -> Estimate:
        """Return how many times as long one side takes as another."""
        return self.estimate(lambda seconds: seconds[one] / seconds[other])

    def estimate(self, figure: Callable[[Mapping[Any, float]], float]) -> Estimate:
        """Return a figure that is computed from the seconds of all sides, with its interval over the rounds."""
        return Estimate.of(
            [figure(seconds) for seconds in self._compared()],
            disturbance=self.disturbance,
            exposed=self.clock == "wall",
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it; a side is a position, or a position and a part."""
        sides = list(self.rounds[0])
        return {
            "sides": sides,
            "rounds": [[[times[side].wall, times[side].cpu] for side in sides] for times in self.rounds],
            "disturbance": asdict(self.disturbance),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], names: Sequence[Hashable]) -> Comparison:
        """Read it back, with a name for each position."""
        sides = [
            names[side] if isinstance(side, int) else (names[side[0]], side[1]) for side in data["sides"]
        ]
        return cls(
            rounds=tuple(
                {side: Elapsed(wall=wall, cpu=cpu) for side, (wall, cpu) in zip(sides, times, strict=True)}
                for times in data["rounds"]
            ),
            disturbance=Disturbance(**data["disturbance"]),
        )

    def _compared(self) -> list[dict[Any, float]]:
        clock = self.clock
        return [{side: getattr(elapsed, clock) for side, elapsed in times.items()} for times in self.rounds]


def compare(
    sides: Mapping[Any, Callable[[], Elapsed | Mapping[str, Elapsed]]],
    *,
    thresholds: Sequence[tuple[Any, Any, float]] = (),
    budget: float = 20.0,
    least: int = 9,
    most: int = 101,
    precision: float = 0.03,
) -> Comparison:
    """Measure several things in turns until what they are compared for is decided, or a budget is spent.

    Each round measures every side once, and every other round in the opposite order, so that what disturbs the
    machine for a while disturbs all sides alike. Single-threaded work on a CPU is compared in processor time, which
    other processes do not take away.

    Parameters
    ----------
    sides
        Name to a function that does the work once and returns its time: that of `stopwatch`, or one that measures
        in its own process. One that returns the times of several parts makes a side of each, ``(name, part)``.
    thresholds
        Sides and ratios, ``(one, other, ratio)``: the measurement ends as soon as every interval is clear of its
        threshold.
    budget
        Begin no further round after so many seconds, once there are `least` rounds.
    least, most
        Least and largest number of rounds. The interval of nine samples leaves out the smallest and the largest.
    precision
        Without thresholds it ends when the intervals of all ratios to the first side are narrower than this share; 0 is never.

    Returns
    -------
    Comparison
        The times of all rounds, and how disturbed the machine was.

    Raises
    ------
    BadInputError
        There are no sides.

    Examples
    --------
    >>> from stepscope.measure import stopwatch
    >>> def work(size: int):
    ...     return lambda: sum(range(size))
    >>> sides = {"small": stopwatch(work(100)), "large": stopwatch(work(10_000))}
    >>> comparison = compare(sides, thresholds=[("large", "small", 2.0)])
    >>> comparison.ratio("large", "small").above(2).holds
    True
    """
    if not sides:
        raise BadInputError("nothing to compare: give at least one thing to measure.")
    meter = DisturbanceMeter()
    names = list(sides)
    rounds: list[dict[Any, Elapsed]] = []
    until = time.perf_counter() + budget
    while len(rounds) < most:
        meter.calibrate()
        times = {name: sides[name]() for name in (names if len(rounds) % 2 == 0 else names[::-1])}
        rounds.append(_flatten({name: times[name] for name in names}))
        if len(rounds) < least:
            continue
        if time.perf_counter() > until or _is_decided(rounds, meter.read(), thresholds, precision):
            break
    return Comparison(rounds=tuple(rounds), disturbance=meter.read())


def _flatten(times: Mapping[Any, Elapsed | Mapping[str, Elapsed]]) -> dict[Any, Elapsed]:
    """Make a side of each part."""
    flat: dict[Any, Elapsed] = {}
    for name, elapsed in times.items():
        if isinstance(elapsed, Elapsed):
            flat[name] = elapsed
        else:
            flat |= {(name, part): seconds for part, seconds in elapsed.items()}
    return flat


def _is_decided(
    rounds: Sequence[Mapping[Any, Elapsed]],
    disturbance: Disturbance,
    thresholds: Sequence[tuple[Any, Any, float]],
    precision: float,
) -> bool:
    comparison = Comparison(rounds=tuple(rounds), disturbance=disturbance)
    if thresholds:
        return all(
            comparison.ratio(one, other).above(threshold).holds is not None
            for one, other, threshold in thresholds
        )
    if not precision:
        return False
    first, *others = rounds[0]
    ratios = [comparison.ratio(other, first) for other in others]
    return all(ratio.high - ratio.low < precision * ratio.value for ratio in ratios)
