"""Disturbance of a measurement by other work on the machine."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

__all__ = ["Disturbance", "DisturbanceMeter"]

_BUSY = 0.1  # share of the time: above it a comparison of wall times says more about the neighbours
_UNSTEADY = 0.5  # of the calibration loop
_LOOP = 20_000  # passes of the calibration loop, about a millisecond


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """How much other work disturbed a measurement; None where the system does not tell.

    Attributes
    ----------
    waited
        Share of the time in which the measured work could have run and had no processor: of this thread (Linux, from
        ``/proc/thread-self/schedstat``), or of processes of one thread each, which never sleep (POSIX, what is missing
        between their CPU time and the time that passed).
    pressure
        Share of the time in which any thread of the machine waited for a processor (Linux, pressure stall information,
        ``some`` of ``/proc/pressure/cpu``).
    stolen
        Share of the machine's time that its hypervisor gave to others (Linux, ``steal`` of ``/proc/stat``).
    preempted
        How often a second the measured thread was made to give up its processor (involuntary context switches).
    spread
        Distance of the quartiles of a calibration loop over its median: the same work, repeated through the measurement.
    """

    waited: float | None = None
    pressure: float | None = None
    stolen: float | None = None
    preempted: float | None = None
    spread: float | None = None

    @property
    def share(self) -> float:
        """The largest of the known shares of the wall time that other work may have taken, from 0 to 1."""
        waited = self.pressure if self.waited is None else self.waited
        return min(1.0, max(waited or 0.0, self.stolen or 0.0))

    @property
    def busy(self) -> bool:
        """Whether wall times measured meanwhile are worth little."""
        return self.share > _BUSY or (self.spread or 0.0) > _UNSTEADY

    def __str__(self) -> str:
        """Return it in one line."""
        known = [
            (self.waited, "{:.0%} of the time spent waiting for a processor"),
            (self.pressure, "CPU pressure {:.0%}"),
            (self.stolen, "{:.0%} stolen by the hypervisor"),
            (self.spread, "calibration loop spread {:.0%}"),
        ]
        return ", ".join(words.format(value) for value, words in known if value is not None) or "not known"


class DisturbanceMeter:
    """Measures the disturbance from now on.

    Parameters
    ----------
    children
        The measured work is not that of the thread that makes this, but of processes that it runs one after another
        until each has ended.
    """

    def __init__(self, *, children: bool = False) -> None:
        self._began = time.perf_counter()
        self._computed = _computed_by_children() if children else None
        self._waited, self._pressure = _waited(), _pressure()
        self._ticks, self._switches = _read_ticks(), _count_switches()
        self._loops: list[float] = []

    def calibrate(self) -> None:
        """Run the calibration loop once; call it again and again between measurements."""
        began = time.perf_counter()
        total = 0
        for number in range(_LOOP):
            total += number
        self._loops.append(time.perf_counter() - began)

    def read(self) -> Disturbance:
        """Return the disturbance since this meter was made."""
        seconds = max(time.perf_counter() - self._began, 1e-9)
        ticks, switches = _read_ticks(), _count_switches()
        if self._computed is None:
            waited = _share(self._waited, _waited(), seconds)
        else:
            waited = _share(_computed_by_children() - self._computed, seconds, seconds)
        stolen = preempted = spread = None
        if ticks is not None and self._ticks is not None:
            stolen = (ticks[0] - self._ticks[0]) / max(1, ticks[1] - self._ticks[1])
        if switches is not None and self._switches is not None and self._computed is None:
            preempted = (switches - self._switches) / seconds
        if len(self._loops) > 3:  # noqa: PLR2004 - quartiles of fewer say nothing
            low, middle, high = quantiles(self._loops, n=4, method="inclusive")
            spread = (high - low) / middle if middle else 0.0
        return Disturbance(
            waited=waited,
            pressure=_share(self._pressure, _pressure(), seconds),
            stolen=stolen,
            preempted=preempted,
            spread=spread,
        )


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None:
        return None
    return min(1.0, max(0.0, (after - before) / seconds))


def _waited() -> float | None:
    """Seconds that this thread has waited for a processor."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) * 1e-9
    return None


def _computed_by_children() -> float:
    """Seconds of the processor of all processes that have ended, below this one."""
    times = os.times()
    return times.children_user + times.children_system


def _pressure() -> float | None:
    """Seconds in which any thread of the machine has waited for a processor."""
    with contextlib.suppress(OSError):
        match = re.search(
            r"^some .*total=(\d+)", Path("/proc/pressure/cpu").read_text(encoding="ascii"), re.MULTILINE
        )
        return int(match[1]) * 1e-6 if match else None
    return None


def _read_ticks() -> tuple[int, int] | None:
    """Clock ticks that were stolen, and all of them."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = [
            int(field)
            for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ]
        return fields[7], sum(fields[:8])
    return None


def _count_switches() -> int | None:
    """Involuntary context switches of this process."""
    if os.name != "posix":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
