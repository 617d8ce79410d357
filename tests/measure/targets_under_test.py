"""What the tests run in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from stepscope.errors import BadInputError

seen: list[int] = []


def look() -> dict[str, object]:
    """Say what this process is like."""
    prepared = "torch" in sys.modules
    import torch  # noqa: PLC0415 - present already

    seen.append(os.getpid())
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "prepared": prepared,
        "seen": len(seen),
        "threads": torch.get_num_threads(),
        "initialised": torch.cuda.is_initialized(),
        "cwd": os.getcwd(),  # noqa: PTH109 - text, for JSON
    }


def echo(**arguments: object) -> object:
    """Return what came in."""
    return arguments


def shout() -> str:
    """Print where answers travel."""
    print('{"result": "not this"}', flush=True)  # noqa: T201 - the point of it
    os.write(1, b'{"result": "nor this"}\n')
    return "this"


def refuse() -> None:
    """Refuse bad input."""
    raise BadInputError("num_envs is 0; it must be a whole number from 1.")


def fail() -> None:
    """Raise."""
    print("almost there")  # noqa: T201 - the point of it
    raise RuntimeError("CUDA out of memory.\nTried to allocate")


def die(number: int = 9) -> None:
    """Be killed, by SIGKILL where nothing else is said."""
    os.write(2, b"goodbye\n")
    os.kill(os.getpid(), number)


def leave() -> None:
    """Exit without an answer."""
    os._exit(3)


def hang() -> None:
    """Never answer."""
    print("waiting for the device", flush=True)  # noqa: T201 - the point of it
    time.sleep(600)


def leave_a_child() -> int:
    """Start a process that would outlive this one."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


def many() -> list[float]:
    """Return more than a pipe holds."""
    return [0.5] * 100_000
