"""Memory that this machine has left for another process."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

__all__ = ["MEMORY_SHARE", "available_host_bytes"]

MEMORY_SHARE = 0.95
"""Share of the available memory that a measurement may take unless told otherwise."""

_ROOT = Path("/sys/fs/cgroup")


def available_host_bytes() -> int:
    """Memory that a new process could take now, in bytes: the system's estimate, or less in a limited control group.

    Raises
    ------
    OSError
        The system does not report it; Linux does.
    """
    match = re.search(
        r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE
    )
    if match is None:
        raise OSError("/proc/meminfo has no MemAvailable.")
    left = [_bytes_left(folder) for folder in _groups()]
    return min([int(match[1]) * 1024, *(size for size in left if size is not None)])


def _groups() -> list[Path]:
    """Return the folders of this process's control group and of those above it, of either version."""
    folders: list[Path] = []
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = _ROOT / controllers
        here = root / path.lstrip("/")
        folders += [here, *here.parents]
    return [folder for folder in folders if folder.is_relative_to(_ROOT)]


def _bytes_left(folder: Path) -> int | None:
    """Memory that a group may still take; None if it has no limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # ValueError: the word "max"
            most = int((folder / limit).read_text(encoding="ascii"))
            return max(0, most - int((folder / used).read_text(encoding="ascii")) + _reclaimable(folder))
    return None


def _reclaimable(folder: Path) -> int:
    """File cache that the kernel gives back on demand; it counts as used."""
    match = re.search(
        r"^(?:total_)?inactive_file (\d+)", (folder / "memory.stat").read_text(encoding="ascii"), re.MULTILINE
    )
    return int(match[1]) if match else 0
