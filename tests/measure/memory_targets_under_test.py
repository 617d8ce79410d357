"""What the tests of memory run in fresh processes: things that take memory, and things that die of it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

_MEBIBYTE = 2**20


def take(mebibytes: int) -> dict[str, int]:
    """Take memory, touch all of it, and say what the kernel calls the peak."""
    held = bytearray(mebibytes * _MEBIBYTE)
    return {"held": len(held), "ru_maxrss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def take_and_let_go(mebibytes: int) -> None:
    """Take memory for a moment only."""
    held = bytearray(mebibytes * _MEBIBYTE)
    del held


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
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            time.sleep(0.5)
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    del held


_TAKES = "import time; held = bytearray({} << 20); time.sleep({})"


def hide(mebibytes: int, seconds: float) -> int:
    """Start a process that takes memory in a session of its own, whose parent ends at once."""
    inner = [sys.executable, "-c", _TAKES.format(mebibytes, seconds)]
    outer = f"import subprocess; print(subprocess.Popen({inner!r}, start_new_session=True, stdout=-3, stderr=-3).pid)"
    found = subprocess.run(
        [sys.executable, "-c", outer], capture_output=True, text=True, check=True, start_new_session=True
    )
    time.sleep(min(seconds, 1.0))
    return int(found.stdout)


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
