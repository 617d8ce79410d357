"""Time of a call, from blocks of many calls, and its summary."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Elapsed", "Timing", "stopwatch", "summarise"]

_BLOCK = 0.02  # least duration of a block, in seconds


@dataclass(frozen=True, kw_only=True)
class Elapsed:
    """Time that something took, in seconds.

    Attributes
    ----------
    wall
        Wall time; from the GPU's events where the work runs on one.
    cpu
        Processor time of all threads of the process; None where the work runs on a GPU or in another process.
    """

    wall: float
    cpu: float | None = None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Summary of repeated times.

    Attributes
    ----------
    median
        In seconds.
    low, high
        First and third quartile, in seconds: half of the repeats lie between them.
    repeats
        Number of samples.
    """

    median: float
    low: float
    high: float
    repeats: int

    @property
    def spread(self) -> float:
        """Interquartile range over the median, dimensionless."""
        return (self.high - self.low) / self.median


def summarise(samples: Sequence[float]) -> Timing:
    """Return median and quartiles of samples, in seconds.

    Examples
    --------
    >>> summarise([3.0, 1.0, 2.0])
    Timing(median=2.0, low=1.5, high=2.5, repeats=3)
    """
    if len(samples) == 1:
        return Timing(median=samples[0], low=samples[0], high=samples[0], repeats=1)
    low, _, high = quantiles(samples, n=4, method="inclusive")
    return Timing(median=median(samples), low=low, high=high, repeats=len(samples))


def stopwatch(
    call: Callable[[], object],
    *,
    synchronise: Callable[[], object] | None = None,
    block: float = _BLOCK,
    warm_up: float = 0.2,
) -> Callable[[], Elapsed]:
    """Return a function that measures the time of one call.

    Parameters
    ----------
    call
        What to time.
    synchronise
        Waits for the device; called at the ends of a block only. With it only wall time is measured, since the work
        does not run on the CPU.
    block
        Least duration of one measurement, in seconds: short calls are repeated.
    warm_up
        Duration of the calls before the first measurement, in seconds.
    """
    wait = synchronise or (lambda: None)
    calls = 0

    def measure() -> Elapsed:
        nonlocal calls
        calls = calls or _calibrate(call, wait, block=block, warm_up=warm_up)
        wait()
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        wait()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Elapsed(wall=wall / calls, cpu=None if synchronise else cpu / calls)

    return measure


def _calibrate(
    call: Callable[[], object], wait: Callable[[], object], *, block: float, warm_up: float
) -> int:
    """Warm up, and return the number of calls that fill a block."""
    until = time.perf_counter() + warm_up
    call()  # it may compile, which does not count
    wait()
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        seconds = time.perf_counter() - start
        if seconds >= block and time.perf_counter() >= until:
            return calls
        if seconds < block:
            calls = max(2 * calls, int(calls * block / max(seconds, 1e-9)))
