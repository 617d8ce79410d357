"""Functions that run in fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from stepscope.errors import BadInputError

seen: list[int] = []


def describe_process() -> dict[str, object]:
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
    raise BadInputError("num_envs is 0; it must be a positive integer.")


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


def become_a_daemon(*, closes: bool = False) -> int:
    """Leave a process in a session of its own, whose parent has ended; return its number."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        os.setsid()
        if (daemon := os.fork()) == 0:
            if closes:
                os.closerange(0, 256)
            time.sleep(600)
        os.write(writing, str(daemon).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(reading, 16))


def turn_on_watchers(generations: list[int], number: int, *, hangs: bool = True) -> None:
    """Send a signal to the parent (1), its parent (2) and so on, from a process in a session of its own."""
    ancestors = [os.getppid()]
    for _ in range(1, max(generations)):
        with open(f"/proc/{ancestors[-1]}/stat", encoding="utf-8") as file:  # noqa: PTH123 - as short
            ancestors.append(int(file.read().rpartition(")")[2].split()[1]))
    if (pid := os.fork()) == 0:
        os.setsid()
        for generation in generations:
            os.kill(ancestors[generation - 1], number)
        time.sleep(600 * hangs)
        os._exit(0)
    if hangs:
        time.sleep(600)
    os.waitpid(pid, 0)


def fork_memory(mebibytes: int, children: int) -> None:
    """Take memory in several processes, each of which takes little."""
    for _ in range(children):
        if os.fork() == 0:
            held = bytearray(mebibytes << 20)
            time.sleep(600)
            del held
    time.sleep(600)


def write_memory(mebibytes: int) -> None:
    """Write into memory that is in no process."""
    file = os.memfd_create("held")
    for _ in range(mebibytes):
        os.write(file, bytes(1 << 20))
    time.sleep(600)


def raise_it(what: str) -> None:
    """Raise something that is no ordinary exception, or says what nobody wants to read."""

    class Mute(Exception):  # noqa: N818 - its name is of no account
        def __str__(self) -> str:
            raise ValueError("no words")

    raise {
        "exit": SystemExit("why"),
        "exit at once": SystemExit(0),
        "interrupt": KeyboardInterrupt(),
        "mute": Mute(),
        "long": ValueError("x" * 5_000_000),
        "lines": ValueError("one\ntwo\x1b[2J"),
        "refused": BadInputError("one\n" + "two\x9b2J\n" * 1_000_000),
    }[what]
