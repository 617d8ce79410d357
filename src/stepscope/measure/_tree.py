"""What a process and everything that it started take of the machine's memory; read from Linux's ``/proc``."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

__all__ = ["Tree", "peak_resident", "proportional", "resident"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_SCAN = 0.02  # seconds between two looks for new processes, at least
_SHARE = 20  # a look takes at most one part in so many of the time


def resident(pid: int) -> int:
    """Resident set of a process, in bytes; 0 if there is none of this number.

    Pages that several processes share count in each of them.
    """
    try:
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
    except OSError:
        return 0
    return int(fields[1]) * _PAGE if fields else 0


def peak_resident(pid: int) -> int:
    """Largest resident set that a process has had since it became this program (``VmHWM``), in bytes.

    ``ru_maxrss`` is no substitute while there is one: it also counts what the process was before it became this
    program, a copy of its parent.
    """
    return _kibibytes(f"/proc/{pid}/status", b"VmHWM")


def proportional(pid: int) -> int:
    """Resident set of a process with every shared page divided by the number of its users (``Pss``), in bytes.

    Only these add up over several processes. The kernel walks the page tables for it, which takes milliseconds.
    """
    return _kibibytes(f"/proc/{pid}/smaps_rollup", b"Pss")


def _kibibytes(path: str, key: bytes) -> int:
    try:
        found = re.search(rb"^%s:\s+(\d+) kB" % key, Path(path).read_bytes(), re.MULTILINE)
    except OSError:  # it has ended
        return 0
    return int(found[1]) * 1024 if found else 0


class Tree:
    """A process, its children, and theirs.

    Those whose parent has ended are found as well if the caller adopts them (``PR_SET_CHILD_SUBREAPER``), since
    then they are the caller's children.

    Attributes
    ----------
    peak
        Most memory seen so far, in bytes.
    pids
        The living processes, as they were at the last look.
    """

    def __init__(self, *, adopts: int) -> None:
        self.peak = 0
        self.pids: list[int] = []
        self._adopts = adopts
        self._next = 0.0

    def look(self) -> int:
        """Measure all processes now, note the peak, and return the bytes that they take together."""
        now = time.monotonic()
        if now >= self._next:
            self.pids = descendants(self._adopts)
            took = time.monotonic() - now
            self._next = now + max(_SCAN, _SHARE * took)
        if len(self.pids) == 1:
            # The kernel notes the peak of one process itself, between two looks as well.
            self.peak = max(self.peak, peak_resident(self.pids[0]))
            return resident(self.pids[0])
        together = sum(map(resident, self.pids))
        if together > self.peak:
            # Too much by what they share: the exact figure costs more, and is needed for a new peak only.
            # Processes are read one after the other: what one shares with one that ends meanwhile counts in both, which
            # a second reading does not repeat.
            together = min(sum(map(proportional, self.pids)) for _ in range(2))
            self.peak = max(self.peak, together)
        return together

    def kill(self) -> None:
        """Kill them all, and whatever they start meanwhile."""
        for _ in range(100):
            self.pids = descendants(self._adopts)
            if not self.pids:
                return
            for pid in self.pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def descendants(ancestor: int) -> list[int]:
    """Return the living children of a process, and theirs."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - called often, and names are enough
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - called often
                # The name stands in parentheses and may hold anything, parentheses included.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state not in b"ZX":  # those have ended
            children.setdefault(int(parent), []).append(int(name))
    found, waiting = [], [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
