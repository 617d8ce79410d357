"""Files that lie in memory and no process's resident set counts: memfd, tmpfs, System V's shared memory."""

from __future__ import annotations

import contextlib
import math
import os
import re
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MemoryFiles"]

_BLOCK = 512  # bytes, whatever st_blksize says
_CHANGE = 2**20  # bytes: smaller changes of a file system are ignored
_SHARE = 20  # searching the file systems takes at most one part in so many of the time
_MAPPED = re.compile(rb"^\S+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) ([1-9]\d*)", re.MULTILINE)

_Key = tuple[int, int]  # device and inode


class MemoryFiles:
    """The files in memory that a tree of processes has made or written since this was made.

    A file without a name is the tree's if one of its processes has it open. One with a name is if one of them has been
    seen with it; those that nobody was seen with count together as far as the tree has written more than into the others.

    Attributes
    ----------
    mapped, unmapped
        Bytes that files take of which a process has a part in its memory, so that its resident set may count them as well;
        and bytes of the others.
    """

    def __init__(self) -> None:
        file = os.memfd_create("stepscope")
        status = os.fstat(file)
        os.close(file)
        self._since = status.st_ctime
        # The file system behind memfd and System V's segments, which is mounted nowhere.
        self._kernel = status.st_dev
        self._folders = {os.stat(folder).st_dev: folder for folder in _mounted()}  # noqa: PTH116 - for the number only
        self._used = {device: _used(folder) for device, folder in self._folders.items()}
        self._pids: set[int] = set()
        self._opened: set[_Key] = set()
        self._named: dict[_Key, int] = {}
        self._next = 0.0
        self.mapped = self.unmapped = 0

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return self.mapped + self.unmapped

    def sample(self, pids: Sequence[int]) -> None:
        """Find the files of these processes, the tree's living ones."""
        self._pids |= set(pids)
        files = dict(self._open(pids))
        self._opened |= files.keys()
        self._list_folders()
        files |= {key: size for key, size in self._named.items() if key in self._opened}
        seen = sum(files.values())
        files |= _segments(self._kernel, self._pids)
        mapped = _mapped(pids) if files else set()
        self.mapped = sum(size for key, size in files.items() if key in mapped)
        self.unmapped = sum(size for key, size in files.items() if key not in mapped)
        if unseen := sum(size for key, size in self._named.items() if key not in self._opened):
            written = sum(map(_written, (*pids, os.getpid())))
            self.unmapped += int(min(unseen, max(0, written - seen)))

    def _open(self, pids: Sequence[int]) -> Iterator[tuple[_Key, int]]:
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended
                for number in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - called often
                    with contextlib.suppress(OSError):  # it was closed meanwhile
                        status = os.stat(f"/proc/{pid}/fd/{number}")  # noqa: PTH116 - called often
                        if status.st_dev == self._kernel or status.st_dev in self._folders:
                            yield from self._count_file(status)

    def _count_file(self, status: os.stat_result) -> Iterator[tuple[_Key, int]]:
        if stat.S_ISREG(status.st_mode) and status.st_ctime >= self._since:
            yield (status.st_dev, status.st_ino), status.st_blocks * _BLOCK

    def _list_folders(self) -> None:
        """List the files with names again where their file system holds more or less than before."""
        now = time.monotonic()
        if now < self._next:
            return
        for device, folder in self._folders.items():
            used = _used(folder)
            if abs(used - self._used[device]) >= _CHANGE:
                self._used[device] = used
                self._named = {key: size for key, size in self._named.items() if key[0] != device}
                self._named |= dict(self._below(folder, device))
        self._next = now + _SHARE * (time.monotonic() - now)

    def _below(self, folder: str, device: int) -> Iterator[tuple[_Key, int]]:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_dev == device and stat.S_ISDIR(status.st_mode):
                        yield from self._below(entry.path, device)
                    elif status.st_dev == device:
                        yield from self._count_file(status)


def _mounted() -> Iterator[str]:
    """Yield the folders where a file system in memory is mounted that can be listed."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - as in `_process_tree`
        for line in file:
            _, folder, kind, *_ = line.split(" ")
            folder = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), folder)
            if kind in ("tmpfs", "devtmpfs") and os.access(folder, os.R_OK | os.X_OK):
                yield folder


def _used(folder: str) -> int:
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def _segments(device: int, pids: set[int]) -> dict[_Key, int]:
    """Return what System V's segments take that these processes have made."""
    segments = {}
    with contextlib.suppress(OSError, ValueError), open("/proc/sysvipc/shm", "rb") as file:  # noqa: PTH123 - called often
        names = file.readline().split()
        for line in file:
            segment = dict(zip(names, map(int, line.split()), strict=True))
            if segment[b"cpid"] in pids:
                segments[device, segment[b"shmid"]] = segment[b"rss"]
    return segments


def _mapped(pids: Sequence[int]) -> set[_Key]:
    """Return the files that processes have a part of in their memory."""
    files = set()
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:  # noqa: PTH123 - called often
            for major, minor, inode in _MAPPED.findall(file.read()):
                files.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return files


def _written(pid: int) -> float:
    """Return the bytes that a process and all that it has waited for have written; infinite where that is unknown."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:  # noqa: PTH123 - called often
            return int(dict(line.split(b": ") for line in file.read().splitlines())[b"wchar"])
    except ProcessLookupError:
        return 0
    except (OSError, KeyError):
        return math.inf if os.path.exists(f"/proc/{pid}") else 0  # noqa: PTH110 - as above
