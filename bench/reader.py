"""The reader side by side with ``grep -c .`` and with a loop of a regular expression over lines, format by format.

The logs are blocks of recordings in which every number is drawn anew, so what remembers lines gains nothing. Each
measurement is a fresh process on one core; the contestants take turns, so that whatever else the machine does disturbs
all of them alike. Rates are in megabytes of log per second of processor time, user and system together: those do not
depend on who else wants the core.

    python bench/reader.py [--formats "skrl, pipe"] [--megabytes 100] [--rounds 3] [--gigabyte] [--json PATH]
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import reading
from reading.once import CONTESTANTS

from stepscope import measure
from stepscope.evidence import provenance

GOALS = {"RSL-RL 5.5.1": 100.0}  # MB/s of `read`
GOAL_ANY = 40.0  # the same, of the slowest format of a library
GOAL_RESIDENT = 60.0  # MB, for a log of 1 GB
BIG = "RSL-RL 5.5.1"

Sample = dict[str, float]


def once(name: str, log: Path, family: str) -> Sample:
    """Let one contestant read one log in a fresh process; seconds of processor time, seconds, resident megabytes."""
    script = Path(__file__).parent / "reading" / "once.py"
    # In any other locale grep decodes characters, which nobody asked it to.
    environment = {**os.environ, "LC_ALL": "C", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), name, str(log), family]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, timeout=600)
    return dict(json.loads(done.stdout))


def run(formats: list[str], *, megabytes: int, rounds: int) -> dict[tuple[str, str], list[Sample]]:
    """Measure all contestants on all formats, in turns."""
    samples: dict[tuple[str, str], list[Sample]] = {}
    for family in formats:
        _progress(f"{family}: the log is written")
        log = reading.written(family, megabytes=megabytes)
        log.read_bytes()  # from here on it is in memory

        def side(name: str, log: Path = log, family: str = family) -> measure.Elapsed:
            _progress(f"{family}: {name}")
            sample = once(name, log, family)
            samples.setdefault((family, name), []).append(sample)
            return measure.Elapsed(wall=sample["wall"], cpu=sample["seconds"])

        measure.compare(
            {name: functools.partial(side, name) for name in CONTESTANTS}, least=rounds, most=rounds
        )
    _progress("")
    return samples


def rates(samples: list[Sample], megabytes: int) -> measure.Timing:
    """Summarise the seconds that a megabyte took."""
    return measure.summarise([sample["seconds"] / megabytes for sample in samples])


def table(samples: dict[tuple[str, str], list[Sample]], formats: list[str], megabytes: int) -> str:
    """Megabytes per second, medians; below each the quartiles."""
    width = max(map(len, reading.FORMATS))
    lines = [" " * width + "".join(f"{name:>14}" for name in CONTESTANTS)]
    for family in formats:
        timings = [rates(samples[family, name], megabytes) for name in CONTESTANTS]
        lines.append(f"{family:<{width}}" + "".join(f"{_short(1 / timing.median):>14}" for timing in timings))
        spread = (f"{_short(1 / timing.high)}-{_short(1 / timing.low)}" for timing in timings)
        lines.append(" " * width + "".join(f"{text:>14}" for text in spread))
    return "\n".join(lines)


def _short(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"  # noqa: PLR2004 - three digits either way


def goals(
    samples: dict[tuple[str, str], list[Sample]], formats: list[str], megabytes: int, resident: float | None
) -> list[dict[str, Any]]:
    """Say of each goal what was measured and whether it is met."""
    measured = {family: 1 / rates(samples[family, "read"], megabytes).median for family in formats}
    found = [
        _goal(f"{family}, MB/s", least, measured[family])
        for family, least in GOALS.items()
        if family in measured
    ]
    if known := [family for family in measured if family != reading.FOREIGN]:
        slowest = min(known, key=lambda family: measured[family])
        found.append(_goal(f"the slowest format ({slowest}), MB/s", GOAL_ANY, measured[slowest]))
    if resident is not None:
        goal = _goal("resident memory for 1 GB, MB", GOAL_RESIDENT, resident)
        found.append({**goal, "met": resident < GOAL_RESIDENT})
    return found


def _goal(name: str, bound: float, value: float) -> dict[str, Any]:
    return {"goal": name, "bound": bound, "measured": value, "met": value >= bound}


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--formats", nargs="+", choices=reading.FORMATS, default=list(reading.FORMATS), metavar="FORMAT"
    )
    parser.add_argument(
        "--megabytes", type=int, default=100, metavar="MB", help="length of a log (default 100)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="R", help="fresh processes each (default 3)")
    parser.add_argument("--gigabyte", action="store_true", help=f"also the memory taken for 1 GB of {BIG}")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if options.megabytes < 1 or options.rounds < 1:
        parser.error("--megabytes and --rounds take whole numbers from 1")
    return options


def main() -> int:
    """Measure, print the table and the goals, and write them down if asked."""
    options = _options()
    absent = {name: reason for name in options.formats if (reason := reading.absent(name))}
    formats = [name for name in options.formats if name not in absent]
    samples = run(formats, megabytes=options.megabytes, rounds=options.rounds)
    print(table(samples, formats, options.megabytes))
    for name, reason in absent.items():
        print(f"{name}: {reason}")
    resident = None
    if options.gigabyte:
        _progress(f"1 GB of {BIG}")
        log = reading.written(BIG, megabytes=1000)
        resident = once("read", log, BIG)["resident"]
        log.unlink()
        _progress("")
    reached = goals(samples, formats, options.megabytes, resident)
    for goal in reached:
        print(
            f"{goal['goal']}: {goal['measured']:.1f}, goal {goal['bound']:g}: {'met' if goal['met'] else 'MISSED'}"
        )
    if options.json:
        rows = [
            {"format": family, "contestant": name, "seconds": [sample["seconds"] for sample in all_of]}
            | {"wall": median(sample["wall"] for sample in all_of)}
            | {"resident": max(sample["resident"] for sample in all_of)}
            for (family, name), all_of in samples.items()
        ]
        report = {"schema": 1, "megabytes": options.megabytes, "provenance": asdict(provenance())}
        report |= {"goals": reached, "absent": absent, "measurements": rows}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
