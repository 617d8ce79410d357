"""Ways to measure a process's memory, tested against one another."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

from stepscope.measure._host_memory import available_host_bytes
from stepscope.measure._process_tree import (
    ProcessTree,
    descendants,
    peak_resident,
    proportional,
    resident_bytes,
)

MIB = 2**20

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Start a process that has held 300 MiB and holds 200 MiB now."""
    script = (
        "import sys; a = bytearray(200 << 20); b = bytearray(100 << 20); del b;"
        "print('ready', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    with process:
        yield process


def test_present_and_peak_are_told_apart(holder: subprocess.Popen[str]) -> None:
    """The kernel's counters agree with what the process has done."""
    assert 200 * MIB < resident_bytes(holder.pid) < 230 * MIB
    assert 300 * MIB < peak_resident(holder.pid) < 330 * MIB


def test_a_process_that_shares_little_has_its_share_and_no_more(holder: subprocess.Popen[str]) -> None:
    """The exact sum over page tables agrees with the kernel's counter, but for the libraries that others use, too."""
    assert 200 * MIB < proportional(holder.pid) <= resident_bytes(holder.pid) + MIB


def test_sampling_agrees_with_the_kernel_and_with_wait(holder: subprocess.Popen[str]) -> None:
    """A tree of one process has the peak that ``VmHWM`` and, at its end, ``ru_maxrss`` tell."""
    tree = ProcessTree(adopts=os.getpid())
    tree.pids, tree._next = [holder.pid], time.monotonic() + 60
    tree.sample()
    assert peak_resident(holder.pid) == tree.peak
    assert holder.stdin is not None
    holder.stdin.close()
    _, _, usage = os.wait4(holder.pid, 0)
    holder.returncode = 0
    # It also counts what the process was before: a copy of this one, which may be larger.
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert (
        pytest.approx(max(tree.peak, 0), rel=0.01) == usage.ru_maxrss * 1024
        or usage.ru_maxrss * 1024 <= floor
    )


def test_children_are_found_by_their_parents(holder: subprocess.Popen[str]) -> None:
    """A child is a descendant, and a process that has ended is none."""
    assert holder.pid in descendants(os.getpid())
    assert [] == descendants(holder.pid)


def test_a_process_lives_as_long_as_one_of_its_threads() -> None:
    """One whose first thread has ended looks dead; it is found, and so are its children."""
    script = (
        "import ctypes, subprocess, sys, threading, time\n"
        "def go_on():\n"
        "    while ') Z ' not in open('/proc/self/stat').read(): time.sleep(0.01)\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(600)\n"
        "threading.Thread(target=go_on).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            child = int(process.stdout.readline())
            pids = set(descendants(os.getpid()))
            os.kill(child, signal.SIGKILL)
        finally:
            process.kill()
    assert {process.pid, child} <= pids


def test_a_process_that_is_not_there_takes_nothing() -> None:
    """Processes end at any time; that is no error."""
    gone = 2**22 + 1  # beyond the largest process number
    assert (0, 0, 0) == (resident_bytes(gone), peak_resident(gone), proportional(gone))


def test_what_is_available_is_what_the_system_can_give() -> None:
    """It is positive and less than the machine has."""
    assert 0 < available_host_bytes() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
