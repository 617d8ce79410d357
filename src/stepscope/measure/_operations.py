"""Share of a loop's time outside the operations of PyTorch and the kernels of Warp; runs in the measured process."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from stepscope.measure._host_syncs import busy_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["outside_operations"]

_ENOUGH = 5  # rounds
_KERNEL = "warp kernel"


def outside_operations(call: Callable[[], object], *, seconds: float = 3.0) -> tuple[float, float]:
    """Return the share of the time of a call on the CPU that no operation of PyTorch and no kernel of Warp takes.

    That is Python, and what other libraries do.

    Parameters
    ----------
    call
        What is measured; it has run before.
    seconds
        Begin no further round after so long.

    Returns
    -------
    tuple of float
        Least and largest share, from 0 to 1. Where operations are short the two are far apart.

    Notes
    -----
    PyTorch's profiler notes when each operation begins and ends, which takes time itself: some of it inside of the
    operations that call others, the rest between them. With O the time in which at least one operation runs
    under the profiler, the share is at least 1 - O / T with the time T of a call without the profiler, and at most 1 - O / P
    with the time P of the same call under it. O and T are the least of a few rounds, since other processes only
    lengthen them; the upper limit is the median of the rounds.
    """
    rounds: list[tuple[float, float, float]] = []
    until = time.perf_counter() + seconds
    while len(rounds) < _ENOUGH and (not rounds or time.perf_counter() < until):
        began = time.perf_counter()
        call()
        plain = time.perf_counter() - began
        with (
            _warp_kernels_visible(),
            torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
        ):
            began = time.perf_counter()
            call()
            profiled = time.perf_counter() - began
        # Without the tree that `profile.events()` makes of them, which takes a hundred times as long.
        results = profile.profiler.kineto_results
        spans = [(event.start_ns(), event.start_ns() + event.duration_ns()) for event in results.events()]
        operations = busy_time(spans) / 1e9
        rounds.append((plain, profiled, operations))
    high = median(1.0 - operations / profiled for _, profiled, operations in rounds)
    low = 1.0 - min(operations for *_, operations in rounds) / min(plain for plain, *_ in rounds)
    low, high = (min(max(share, 0.0), 1.0) for share in (low, high))
    return min(low, high), max(low, high)


@contextmanager
def _warp_kernels_visible() -> Iterator[None]:
    """Show the profiler each kernel that Warp runs on the CPU, with the packing of its arguments."""
    context: Any = sys.modules.get("warp._src.context")
    invoke = getattr(context, "invoke", None)
    if invoke is None:
        yield
        return

    def visible(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Warp's
        with torch.profiler.record_function(_KERNEL):
            return invoke(*args, **kwargs)

    context.invoke = visible
    try:
        yield
    finally:
        context.invoke = invoke
