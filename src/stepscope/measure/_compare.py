"""Compare how long things take, in a way that other work on the machine delays and does not falsify."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._disturbance import Disturbance, DisturbanceMeter
from stepscope.measure._estimate import Estimate
from stepscope.measure._timing import Timing, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

__all__ = ["Comparison", "Elapsed", "compare", "stopwatch"]

LEAST_ROUNDS = 9
"""Rounds of a comparison at least: of nine samples the interval leaves out the smallest and the largest."""

_PRECISION = 0.03  # relative width of an interval that is narrow enough where no threshold is given
_BLOCK = 0.02  # least duration of a block, in seconds


@dataclass(frozen=True, kw_only=True)
class Elapsed:
    """What something took, in seconds.

    Attributes
    ----------
    wall
        By the clock on the wall; by the GPU's events where the work runs on one.
    cpu
        Of the processor, by all threads of the process; None where the work runs on a GPU or in another process.
    """

    wall: float
    cpu: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Times of several things, measured in turns.

    Attributes
    ----------
    rounds
        What each side took in each round.
    disturbance
        How much other work disturbed the measurement.
    """

    rounds: tuple[Mapping[Any, Elapsed], ...]
    disturbance: Disturbance

    @property
    def clock(self) -> str:
        """The clock whose times are compared, ``"cpu"`` where the time of the processor is known of all, else ``"wall"``."""
        return "wall" if any(each.cpu is None for took in self.rounds for each in took.values()) else "cpu"

    def seconds(self, side: Hashable) -> Timing:
        """Return the median time of a side, with its quartiles."""
        return summarise([took[side] for took in self._picked()])

    def wall(self, side: Hashable) -> Timing:
        """Return the same by the clock on the wall, whatever is compared."""
        return summarise([took[side].wall for took in self.rounds])

    def ratio(self, one: Hashable, other: Hashable) -> Estimate:
        """Return how many times as long one side takes as another."""
        return self.estimate(lambda seconds: seconds[one] / seconds[other])

    def estimate(self, figure: Callable[[Mapping[Any, float]], float]) -> Estimate:
        """Return a figure that is computed from the seconds of all sides, with its interval over the rounds."""
        return Estimate.of(
            [figure(took) for took in self._picked()],
            disturbance=self.disturbance,
            exposed=self.clock == "wall",
        )

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold, the sides in the order of the first round."""
        sides = list(self.rounds[0])
        return {
            "rounds": [[[took[side].wall, took[side].cpu] for side in sides] for took in self.rounds],
            "disturbance": asdict(self.disturbance),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any], sides: Sequence[Hashable]) -> Comparison:
        """Read it back; the sides are named anew, in their order."""
        return cls(
            rounds=tuple(
                {side: Elapsed(wall=wall, cpu=cpu) for side, (wall, cpu) in zip(sides, took, strict=True)}
                for took in found["rounds"]
            ),
            disturbance=Disturbance(**found["disturbance"]),
        )

    def _picked(self) -> list[dict[Any, float]]:
        clock = self.clock
        return [{side: getattr(each, clock) for side, each in took.items()} for took in self.rounds]


def compare(
    sides: Mapping[Any, Callable[[], Elapsed | Mapping[str, Elapsed]]],
    *,
    thresholds: Sequence[tuple[Any, Any, float]] = (),
    budget: float = 20.0,
    least: int = LEAST_ROUNDS,
    most: int = 101,
) -> Comparison:
    """Measure several things in turns until what they are compared for is decided, or a budget is spent.

    Each round measures every side once, and every other round in the opposite order, so that what disturbs the
    machine for a while disturbs all sides alike. Single-threaded work on a CPU is compared in the time of the
    processor, which other processes do not take away.

    Parameters
    ----------
    sides
        Name to a function that does the work once and returns what it took: that of `stopwatch`, or one that measures
        in a fresh process. One that returns the times of several parts makes a side of each, ``(name, part)``.
    thresholds
        Sides and ratios, ``(one, other, ratio)``: the measurement ends as soon as every interval is clear of its
        threshold. Without any it ends when all intervals of the ratios to the first side are narrower than 3 %.
    budget
        Begin no further round after so many seconds, once there are `least` rounds.
    least, most
        Rounds at least and at most.

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
    >>> def work(size: int):
    ...     return lambda: sum(range(size))
    >>> sides = {"small": stopwatch(work(100)), "large": stopwatch(work(10_000))}
    >>> found = compare(sides, thresholds=[("large", "small", 2.0)])
    >>> found.ratio("large", "small").above(2).holds
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
        took = {name: sides[name]() for name in (names if len(rounds) % 2 == 0 else names[::-1])}
        rounds.append(_flat({name: took[name] for name in names}))
        if len(rounds) < least:
            continue
        if time.perf_counter() > until or _enough(rounds, meter, thresholds):
            break
    return Comparison(rounds=tuple(rounds), disturbance=meter.read())


def _flat(took: Mapping[Any, Elapsed | Mapping[str, Elapsed]]) -> dict[Any, Elapsed]:
    """Make a side of each part."""
    flat: dict[Any, Elapsed] = {}
    for name, each in took.items():
        if isinstance(each, Elapsed):
            flat[name] = each
        else:
            flat |= {(name, part): seconds for part, seconds in each.items()}
    return flat


def stopwatch(
    call: Callable[[], object],
    *,
    synchronise: Callable[[], object] | None = None,
    block: float = _BLOCK,
    warm_up: float = 0.2,
) -> Callable[[], Elapsed]:
    """Return a function that calls something for a while and tells what one call took.

    Parameters
    ----------
    call
        What to time.
    synchronise
        Waits for the device. With it the work is timed by the clock on the wall alone: it does not run on the CPU.
    block
        Least duration of one measurement, in seconds: short calls are repeated.
    warm_up
        Call it for so long before the first measurement, in seconds.
    """
    wait = synchronise or (lambda: None)
    calls = 0

    def measure() -> Elapsed:
        nonlocal calls
        calls = calls or _calibrated(call, wait, block=block, warm_up=warm_up)
        wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        wait()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Elapsed(wall=wall / calls, cpu=None if synchronise else cpu / calls)

    return measure


def _calibrated(
    call: Callable[[], object], wait: Callable[[], object], *, block: float, warm_up: float
) -> int:
    """Warm up, and return how many calls fill a block."""
    until = time.perf_counter() + warm_up
    call()  # it may compile, which does not count
    wait()
    calls = 1
    while True:
        began = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        took = time.perf_counter() - began
        if took >= block and time.perf_counter() >= until:
            return calls
        if took < block:
            calls = max(2 * calls, int(calls * block / max(took, 1e-9)))


def _enough(
    rounds: Sequence[Mapping[Any, Elapsed]],
    meter: DisturbanceMeter,
    thresholds: Sequence[tuple[Any, Any, float]],
) -> bool:
    found = Comparison(rounds=tuple(rounds), disturbance=meter.read())
    if thresholds:
        return all(
            found.ratio(one, other).above(threshold).holds is not None for one, other, threshold in thresholds
        )
    first, *others = rounds[0]
    ratios = [found.ratio(other, first) for other in others]
    return all(ratio.high - ratio.low < _PRECISION * ratio.value for ratio in ratios)
