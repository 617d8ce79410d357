"""Memory of a process and everything that it started, from Linux's ``/proc``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope.measure._memory_files import MemoryFiles

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ProcessTree", "adopt_orphans", "end_all_below", "peak_resident", "proportional", "resident_bytes"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_SCAN = 0.02  # least seconds between two searches for new processes
_SHARE = 20  # such a search takes at most one part in so many of the time
_THREADS = 15  # place of the number of threads, behind the parent's
_SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER


def adopt_orphans() -> None:
    """Become the parent of all processes below this one whose own parent ends."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def resident_bytes(pid: int) -> int:
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
    return _kibibytes(f"/proc/{pid}/status", b"VmHWM")[0]


def proportional(pid: int) -> int:
    """Resident set of a process with every shared page divided by the number of its users (``Pss``), in bytes.

    Only these add up over several processes. The kernel walks the page tables for it, which takes milliseconds.
    """
    return _kibibytes(f"/proc/{pid}/smaps_rollup", b"Pss")[0]


def _resident_and_shared(pid: int) -> tuple[int, ...]:
    """Return the resident set, and how much of it are files in memory or shared mappings without a file."""
    return _kibibytes(f"/proc/{pid}/status", b"VmRSS", b"RssShmem")


def _proportional_and_shared(pid: int) -> tuple[int, ...]:
    return _kibibytes(f"/proc/{pid}/smaps_rollup", b"Pss", b"Pss_Shmem")


def _kibibytes(path: str, *keys: bytes) -> tuple[int, ...]:
    """Return the value of each key in a file, in bytes; 0 where it has none."""
    try:
        text = Path(path).read_bytes()
    except OSError:  # it has ended
        text = b""
    matches = (re.search(rb"^%s:\s+(\d+) kB" % key, text, re.MULTILINE) for key in keys)
    return tuple(int(match[1]) * 1024 if match else 0 for match in matches)


class ProcessTree:
    """A process, its children, and theirs; what they take of memory, and the files in memory that they have made.

    Those whose parent has ended are found as well if the caller adopts them (``PR_SET_CHILD_SUBREAPER``), since
    then they are the caller's children.

    Parameters
    ----------
    adopts
        The process below which all are meant.
    share
        Looking for new processes takes at most one part in so many of the time.
    exact_from
        Bytes below which the peak of several processes may be too large by what they share. The exact figure takes the
        supervisor milliseconds, and keeps the supervised ones from their memory meanwhile.

    Attributes
    ----------
    peak
        Most memory seen so far, in bytes.
    pids
        The living processes, as of the last sample.
    """

    def __init__(self, *, adopts: int, share: int = _SHARE, exact_from: int = 0) -> None:
        self.peak = 0
        self.pids: list[int] = []
        self._adopts = adopts
        self._share = share
        self._exact_from = exact_from
        self._files = MemoryFiles()
        self._next = 0.0

    def sample(self, *, last: bool = False) -> int:
        """Measure all processes now, note the peak, and return the bytes that they take together.

        The last sample finds what they have left behind.
        """
        now = time.monotonic()
        if now >= self._next or last:
            self.pids = descendants(self._adopts)
            self._files.sample(self.pids)
            took = time.monotonic() - now
            self._next = now + max(_SCAN, self._share * took)
        together = self._sum(_resident_and_shared)
        if together > max(self.peak, self._exact_from) and (len(self.pids) > 1 or self._files.size):
            # Too much by what they share: the exact figure costs more, and is needed for a new peak only.
            # Processes are read one after the other: what one shares with one that ends meanwhile counts in both, as a
            # file does that is taken into a process meanwhile. A second reading does not repeat it.
            together = min(self._sum_exactly() for _ in range(2))
        self.peak = max(self.peak, together)
        if (
            len(self.pids) == 1
        ):  # the kernel notes the peak of one process itself, between two samples as well
            self.peak = max(self.peak, peak_resident(self.pids[0]))
        return together

    def _sum_exactly(self) -> int:
        if self._files.size:
            self._files.sample(self.pids)
        return self._sum(_resident_and_shared if len(self.pids) == 1 else _proportional_and_shared)

    def _sum(self, read: Callable[[int], tuple[int, ...]]) -> int:
        """Add up the processes and the files in memory, of which the processes may have a part as well."""
        both = [read(pid) for pid in self.pids]
        shared = sum(part for _, part in both)
        return sum(all_ for all_, _ in both) - shared + max(shared, self._files.mapped) + self._files.unmapped


def end_all_below(ancestor: int) -> None:
    """Kill the children of a process, theirs, and whatever they start meanwhile."""
    empty = 0  # one whose parent ends while processes are read one after the other may be missed once
    for _ in range(100):
        pids = descendants(ancestor)
        empty = 0 if pids else empty + 1
        if empty > 1:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def descendants(ancestor: int) -> list[int]:
    """Return the living children of a process, and theirs, also of those that have just ended."""
    children: dict[int, list[int]] = {}
    ended = set()
    for name in os.listdir("/proc"):  # noqa: PTH208 - called often, and names are enough
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - called often
                # The name stands in parentheses and may hold anything, parentheses included.
                state, parent, *more = file.read().rpartition(b")")[2].split()
        except (OSError, ValueError):
            continue
        children.setdefault(int(parent), []).append(int(name))
        # The first thread of a living process may have ended: it looks like the process then, but is not alone.
        if state in b"ZX" and int(more[_THREADS]) <= 1:
            ended.add(int(name))
    pids, waiting = [], [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        pids += below
        waiting += below
    return [pid for pid in pids if pid not in ended]
