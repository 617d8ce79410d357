"""Functions that put memory into files, and wait until it was seen, run in fresh processes."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
import time
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

_MEBIBYTE = 2**20
_BLOCK = bytes(_MEBIBYTE)


def looked_at(watcher: int) -> None:
    """Return when the process that watches the memory has looked at it again and again."""
    import memory_targets_under_test  # noqa: PLC0415 - it stands beside this file in the fresh process only

    memory_targets_under_test.looked_at(watcher)


def _write(file: int, mebibytes: int) -> int:
    for _ in range(mebibytes):
        os.write(file, _BLOCK)
    return file


def nothing(mebibytes: int, folder: str) -> None:  # noqa: ARG001 - as the others
    """Take nothing."""
    looked_at(os.getppid())


def memfd(mebibytes: int, folder: str) -> None:  # noqa: ARG001 - as the others
    """Write into a file that has no name."""
    _write(os.memfd_create("held"), mebibytes)
    looked_at(os.getppid())


def mapped(mebibytes: int, folder: str) -> None:  # noqa: ARG001 - as the others
    """Write into a file that has no name, and take all of it into two processes."""
    file = _write(os.memfd_create("held"), mebibytes)
    held = mmap.mmap(file, mebibytes * _MEBIBYTE) if mebibytes else b""
    sum(held[:: mmap.PAGESIZE])
    pid = os.fork()
    if pid == 0:
        sum(held[:: mmap.PAGESIZE])
        time.sleep(600)
    looked_at(os.getppid())
    os.kill(pid, 9)
    os.waitpid(pid, 0)


def named(mebibytes: int, folder: str) -> None:
    """Write a file and close it."""
    os.close(_write(os.open(Path(folder, "named"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC), mebibytes))
    looked_at(os.getppid())


def renamed(mebibytes: int, folder: str) -> None:
    """Write a file under a name that it does not keep."""
    os.close(_write(os.open(Path(folder, "unfinished"), os.O_CREAT | os.O_WRONLY), mebibytes))
    Path(folder, "unfinished").rename(Path(folder, "finished"))
    looked_at(os.getppid())


def many(mebibytes: int, folder: str) -> None:
    """Write files that are each open for a moment only."""
    for number in range(mebibytes):
        Path(folder, str(number)).write_bytes(_BLOCK)
    looked_at(os.getppid())


def of_a_child(mebibytes: int, folder: str) -> None:
    """Let a process write a file, and end."""
    path = str(Path(folder, "of a child"))
    code = f"import os\nfor _ in range({mebibytes}): open({path!r}, 'ab').write(bytes(1 << 20))"
    subprocess.run([sys.executable, "-c", code], check=True)
    looked_at(os.getppid())


def shared_memory(mebibytes: int, folder: str) -> None:  # noqa: ARG001 - as the others
    """Do what Python's own module for it does."""
    held = SharedMemory(create=True, size=mebibytes * _MEBIBYTE or 1)
    for start in range(0, mebibytes * _MEBIBYTE, _MEBIBYTE):
        held.buf[start : start + _MEBIBYTE] = _BLOCK
    looked_at(os.getppid())
    held.close()
    held.unlink()


def system_v(mebibytes: int, folder: str) -> None:  # noqa: ARG001 - as the others
    """Fill the halves of a segment one after the other, and leave it with no process attached."""
    system = ctypes.CDLL(None)
    system.shmat.restype = ctypes.c_void_p
    segment = system.shmget(0, mebibytes * _MEBIBYTE or 1, 0o1600)
    half = mebibytes * _MEBIBYTE // 2
    for start in (0, half):
        where = system.shmat(segment, None, 0)
        ctypes.memset(where + start, 1, half)
        system.shmdt(ctypes.c_void_p(where))
    looked_at(os.getppid())
    system.shmctl(segment, 0, None)
