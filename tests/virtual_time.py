"""A clock that goes on only when it is told to: what is timed with it is exact, however busy the machine is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCKS = ("time", "perf_counter", "monotonic", "process_time", "thread_time")


class VirtualTime:
    """Seconds that pass when somebody says so, and not otherwise.

    Code that reads its clock as ``time.time()`` or the like sees this one once it is installed. Python's own modules
    keep the real clock, since they hold the functions themselves: locks, queues and subprocesses wait as ever.
    """

    def __init__(self) -> None:
        self._now = (
            10**15
        )  # whole nanoseconds, so that sums are exact; few enough for a float to tell them apart

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self._now / 1e9

    def nanoseconds(self) -> int:
        """Return the time in nanoseconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += round(seconds * 1e9)

    def install(
        self, put: Callable[[object, str, object], None] = setattr, *, clocks: tuple[str, ...] = CLOCKS
    ) -> None:
        """Replace the functions of `time`; `put` may be the ``setattr`` of a monkeypatch, which takes them back."""
        for name in clocks:
            put(time, name, self)
            put(time, f"{name}_ns", self.nanoseconds)
