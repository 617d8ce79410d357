"""CPU seconds and memory that ``stepscope read`` and ``explain`` take for the logs of long trainings.

The logs are blocks of recordings in which every number is drawn anew. Each measurement is a fresh process, start-up
included; the cases take turns, so that whatever else the machine does disturbs all of them alike.

    python bench/reader.py [--rounds 5] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import NamedTuple

from reading import CASES

from stepscope.evidence import provenance

GOAL_MEMORY = 60.0  # MB, however long the log
GOAL_EXPLAIN = 2.0  # times what it takes to read the log
COMMANDS = ("read", "explain")


class Sample(NamedTuple):
    """What one process took: seconds of the processor, user and system, and megabytes at its peak."""

    seconds: float
    memory: float


def run(name: str, log: Path) -> Sample:
    """Read or explain a log in a fresh process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-m", "stepscope", name, str(log)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with exit status {child.returncode}")
    return Sample(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def main() -> int:
    """Measure, print the medians beside the goals, and write them down if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="R", help="fresh processes each (default 5)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds takes a positive integer")
    samples: dict[tuple[str, str], list[Sample]] = {
        (name, command): [] for name in CASES for command in COMMANDS
    }
    with tempfile.TemporaryDirectory() as folder:
        logs = {name: Path(folder, f"{number}.txt") for number, name in enumerate(CASES)}
        for name, log in logs.items():
            CASES[name].write(log)
        for _ in range(options.rounds):
            for (name, command), taken in samples.items():
                taken.append(run(command, logs[name]))
    for (name, command), taken in samples.items():
        seconds = sorted(sample.seconds for sample in taken)
        memory = max(sample.memory for sample in taken)
        goal = CASES[name].seconds
        if command == "explain":
            goal = GOAL_EXPLAIN * median(sample.seconds for sample in samples[name, "read"])
        met = median(seconds) <= goal and memory <= GOAL_MEMORY
        print(
            f"{command:<8} {name:<24} {CASES[name].count:>9,}  {median(seconds):6.2f} s "
            f"({seconds[0]:.2f} to {seconds[-1]:.2f}), goal {goal:.2f} s; "
            f"{memory:.0f} MB, goal {GOAL_MEMORY:g} MB: {'met' if met else 'MISSED'}"
        )
    if options.json:
        rows = [
            {"case": name, "command": command, "samples": [sample._asdict() for sample in taken]}
            for (name, command), taken in samples.items()
        ]
        report = {"schema": 3, "provenance": asdict(provenance()), "measurements": rows}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
