"""Time a call until it is steady, then often enough to say how much it varies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Timing", "summarise", "time_blocks"]

_STEADY = 1.1  # the slowest of the last three blocks over the fastest


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long something takes.

    Attributes
    ----------
    median
        In seconds.
    low, high
        First and third quartile, in seconds: half of the repeats lie between them.
    repeats
        How many samples these three summarise.
    threads
        How many the process computed with; None where nobody has asked.
    """

    median: float
    low: float
    high: float
    repeats: int
    threads: int | None = None

    @property
    def spread(self) -> float:
        """Distance of the quartiles over the median, without unit."""
        return (self.high - self.low) / self.median


def summarise(samples: Sequence[float]) -> Timing:
    """Median and quartiles of some samples, in seconds.

    Examples
    --------
    >>> summarise([3.0, 1.0, 2.0])
    Timing(median=2.0, low=1.5, high=2.5, repeats=3, threads=None)
    """
    if len(samples) == 1:
        return Timing(median=samples[0], low=samples[0], high=samples[0], repeats=1)
    low, _, high = quantiles(samples, n=4, method="inclusive")
    return Timing(median=median(samples), low=low, high=high, repeats=len(samples))


def wall_clock(synchronise: Callable[[], object]) -> Callable[[], float]:
    """Start a stop watch, and return what waits for the device and reads it, in seconds."""
    start = time.perf_counter()

    def stop() -> float:
        synchronise()
        return time.perf_counter() - start

    return stop


def cuda_clock(_: Callable[[], object]) -> Callable[[], float]:
    """Start a stop watch of the GPU, and return what reads it, in seconds.

    It tells the time between two events on the current stream, to half a microsecond: what the GPU took, without the
    time that the processor needs to notice that it is done.
    """
    import torch  # noqa: PLC0415 - in the fresh process only

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()

    def stop() -> float:
        end.record()
        end.synchronize()
        return 1e-3 * float(begin.elapsed_time(end))

    return stop


def time_blocks(
    call: Callable[[], object],
    *,
    synchronise: Callable[[], object] = lambda: None,
    clock: Callable[[Callable[[], object]], Callable[[], float]] = wall_clock,
    repeats: int = 15,
    block: float = 0.02,
    warm_up: float = 1.0,
) -> Timing:
    """Time one call of something short, from blocks of many calls.

    Parameters
    ----------
    call
        What to time.
    synchronise
        Waits for the device; called at the ends of a block only, so that nothing waits in between.
    clock
        Given `synchronise`, it starts to measure and returns a function that tells the seconds since then.
    repeats
        Blocks that count.
    block
        Least duration of a block, in seconds.
    warm_up
        Longest warm-up, in seconds; it ends as soon as three blocks in a row agree within a tenth.

    Returns
    -------
    Timing
        Seconds per call.
    """

    def seconds(calls: int) -> float:
        synchronise()
        stop = clock(synchronise)
        for _ in range(calls):
            call()
        return stop()

    begun, calls = time.perf_counter(), 1
    seconds(1)
    while (took := seconds(calls)) < block:
        calls = max(2 * calls, int(calls * block / took))
    recent = [took]
    while time.perf_counter() - begun < warm_up:
        recent = [*recent[-2:], seconds(calls)]
        if len(recent) == 3 and max(recent) < _STEADY * min(recent):  # noqa: PLR2004 - three, as promised above
            break
    return summarise([seconds(calls) / calls for _ in range(repeats)])
