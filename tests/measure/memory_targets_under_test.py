"""Functions that take memory, and functions that die of it, run in fresh processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_MEBIBYTE = 2**20


def take(mebibytes: int) -> dict[str, int]:
    """Take memory, touch all of it, and say what the kernel calls the peak."""
    held = bytearray(mebibytes * _MEBIBYTE)
    return {"held": len(held), "ru_maxrss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def take_and_let_go(mebibytes: int) -> None:
    """Take memory for a moment only."""
    held = bytearray(mebibytes * _MEBIBYTE)
    del held


def looked_at(watcher: int) -> None:
    """Return when the process that watches the memory has looked at it again and again, however busy the machine is.

    Between two samples it sleeps, so that it is put on a processor for each of them.
    """
    turns = Path(f"/proc/{watcher}/schedstat")
    if not turns.exists():  # a kernel that does not count them
        time.sleep(3)
        return
    until = int(turns.read_text(encoding="ascii").split()[2]) + 100
    while int(turns.read_text(encoding="ascii").split()[2]) < until:
        time.sleep(0.01)


def ask_only(mebibytes: int) -> None:
    """Ask for memory and touch none of it."""
    import mmap  # noqa: PLC0415 - for this one

    held = mmap.mmap(-1, mebibytes * _MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    time.sleep(0.1)
    held.close()


def take_without_end() -> None:
    """Take memory as fast as this process can."""
    held = []
    while True:
        held.append(bytearray(64 * _MEBIBYTE))


def share(children: int, mebibytes: int) -> None:
    """Take memory, and start processes that share all of it with this one."""
    held = bytearray(mebibytes * _MEBIBYTE)
    pids = []
    waiting, over = os.pipe()
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            os.close(over)
            os.read(waiting, 1)  # until that end is closed
            os._exit(0)
        pids.append(pid)
    looked_at(os.getppid())
    os.close(over)
    for pid in pids:
        os.waitpid(pid, 0)
    del held


_TAKES = "import pathlib, time; held = bytearray({} << 20); pathlib.Path({!r}).touch(); time.sleep(600)"


def hide(mebibytes: int) -> int:
    """Start a process that takes memory in a session of its own, whose parent ends at once."""
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "taken"
        inner = [sys.executable, "-c", _TAKES.format(mebibytes, str(taken))]
        outer = f"import subprocess; print(subprocess.Popen({inner!r}, start_new_session=True, stdout=-3, stderr=-3).pid)"
        result = subprocess.run(
            [sys.executable, "-c", outer], capture_output=True, text=True, check=True, start_new_session=True
        )
        while not taken.exists():
            time.sleep(0.01)
        looked_at(os.getppid())
    return int(result.stdout)


def take_together(mebibytes: int, others: str, count: int) -> None:
    """Take memory, and hold it until so many processes hold theirs; each of them makes a file in a folder."""
    held = bytearray(mebibytes * _MEBIBYTE)
    Path(others, str(os.getpid())).touch()
    while len(list(Path(others).iterdir())) < count:
        time.sleep(0.01)
    parent = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="utf-8")  # a shell
    looked_at(int(parent.rpartition(")")[2].split()[1]))
    del held


def torch_refused(mebibytes: int) -> None:
    """Ask PyTorch for too much."""
    import torch  # noqa: PLC0415 - for this one

    torch.ones(mebibytes, _MEBIBYTE // 4)


def numpy_refused(mebibytes: int) -> None:
    """Ask NumPy for too much."""
    import numpy as np  # noqa: PLC0415 - for this one

    np.ones((mebibytes, _MEBIBYTE // 8))


def warp_refused(mebibytes: int) -> None:
    """Ask Warp for too much."""
    import warp  # noqa: PLC0415 - for this one

    warp.config.quiet = True
    warp.zeros((mebibytes, _MEBIBYTE // 4), device="cpu")


def cartpoles(num_envs: int) -> None:
    """Make cart-poles."""
    from stepscope.envs import CartPole  # noqa: PLC0415 - for this one

    CartPole(num_envs)


def say_and_hang(what: str) -> None:
    """Print something and never end, as a renderer does that has no memory left."""
    print(what, flush=True)  # noqa: T201 - the point of it
    time.sleep(600)


def print_much(mebibytes: int) -> None:
    """Print more than anybody keeps, then something to remember."""
    for _ in range(mebibytes):
        os.write(1, b"." * _MEBIBYTE)
    os.write(2, b"\nthe end\n")
    os._exit(4)
