"""One contestant reads one log once, in a process of its own: python once.py CONTESTANT LOG FORMAT."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# What somebody would write who knows the one format and wants its numbers.
_LABELLED = re.compile(
    rb"\s*(?:\x1b\[1m)?\s*(?:Learning iteration (\d+)/(\d+)"
    rb"|(.+?): (?:(-?\d+(?:\.\d+)?|nan|inf)(?:s| steps/s \(collection: ([\d.]+)s, learning ([\d.]+)s\))?"
    rb"|(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)))\s*(?:\x1b\[0m\s*)?$"
)
_EPOCH = re.compile(
    rb"fps step: (\d+) fps step and policy inference: (\d+) fps total: (\d+) epoch: (\d+)/(\d+) frames: (\d+)"
)
_BAR = re.compile(r"\s*\d+%\|.*\| (\d+)/(\d+) \[([\d:]+)<([\d:]+), \s*([\d.]+)(it/s|s/it)\]")
_CELL = re.compile(rb"\|\s+(\S+)\s*\|\s*(-?\d+(?:\.\d+)?(?:e[+-]\d+)?|nan|inf)\s*\|")


def grep(log: Path, _: str) -> None:
    """Let grep count the lines that are not empty."""
    # Into /dev/null it would stop at the first line.
    subprocess.run(["grep", "-c", ".", str(log)], stdout=subprocess.PIPE, check=True)


def loop(log: Path, family: str) -> None:
    """Match one regular expression with each line, and make numbers of what it captures."""
    if family.startswith("skrl"):
        _loop_bars(log)
    elif family.startswith("RL-Games"):
        _loop_epochs(log)
    elif family.startswith("SB3"):
        _loop_cells(log)
    else:
        _loop_labelled(log)


def _loop_bars(log: Path) -> None:
    match = _BAR.match
    # Only a file of text takes a carriage return for the end of a line.
    with log.open(encoding="utf-8", newline=None) as file:
        for line in file:
            if (found := match(line)) is not None:
                done, total, _elapsed, _remaining, rate, _unit = found.groups()
                _latest = int(done), int(total), float(rate)


def _loop_epochs(log: Path) -> None:
    match = _EPOCH.match
    with log.open("rb") as file:
        for line in file:
            if (found := match(line)) is not None:
                _latest = [int(number) for number in found.groups()]


def _loop_cells(log: Path) -> None:
    match = _CELL.match
    latest = {}
    with log.open("rb") as file:
        for line in file:
            if (found := match(line)) is not None:
                label, number = found.groups()
                latest[label] = float(number)


def _loop_labelled(log: Path) -> None:
    match = _LABELLED.match
    latest = {}
    with log.open("rb") as file:
        for line in file:
            if (found := match(line)) is not None:
                _latest = [float(text) for text in found.group(1, 2, 5, 6, 7, 8, 9, 10) if text is not None]
                if found[4] is not None:
                    latest[found[3]] = float(found[4])


def read(log: Path, _: str) -> None:
    """Take each record, and use nothing of it."""
    from stepscope.logs import read as records  # noqa: PLC0415 - only who reads with it pays for it

    for _record in records(log):
        pass


def fields(log: Path, _: str) -> None:
    """Use every field of every record."""
    from stepscope.logs import Fps, Seconds  # noqa: PLC0415 - the same
    from stepscope.logs import read as records  # noqa: PLC0415 - the same

    rates, durations = Fps.__slots__, Seconds.__slots__
    for record in records(log):
        _plain = record.library, record.kind, record.rank, record.run, record.iteration, record.iterations
        _more = record.env_steps, record.reward, record.episode_length, record.text, record.span
        _numbers = [*record.metrics.items(), *record.derived.items()]
        fps, seconds = record.fps, record.seconds
        _scoped = [getattr(fps, name) for name in rates], [getattr(seconds, name) for name in durations]


def to_dict(log: Path, _: str) -> None:
    """Make of every record what JSON can hold."""
    from stepscope.logs import read as records  # noqa: PLC0415 - the same

    for record in records(log):
        record.to_dict()


def command(log: Path, family: str) -> None:
    """Run the whole command."""
    done = subprocess.run(
        [sys.executable, "-m", "stepscope", "read", str(log)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    # It makes no sense to it that no library printed the log.
    if done.returncode != (2 if family == "no library" else 0):
        sys.exit(f"stepscope read ended with status {done.returncode}: {done.stderr.decode()[-500:]}")


CONTESTANTS: dict[str, Callable[[Path, str], None]] = {
    "grep -c .": grep,
    "regex loop": loop,
    "read": read,
    "every field": fields,
    "to_dict": to_dict,
    "command": command,
}


def main() -> None:
    """Measure, and print the seconds and the peak memory as JSON."""
    name, log, family = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    wall = time.perf_counter()
    before = time.process_time()
    CONTESTANTS[name](Path(log), family)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() - before + children.ru_utime + children.ru_stime
    print(json.dumps({"seconds": seconds, "wall": time.perf_counter() - wall, "resident": _resident()}))


def _resident() -> float:
    """Return the most memory that this process took at once, in megabytes.

    Linux counts what the parent took before it started this process, unless the process itself is asked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        return int(found[1]) * 1024 / 1e6 if found is not None else 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
