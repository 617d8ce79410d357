"""How well measurements repeat: the spread of the median over five runs, of step times and of memory.

Every run is a fresh process. The spread is the largest minus the smallest of the five medians, over their median. On a
GPU that does nothing else 3 % is the goal for times; on a CPU it is whatever the machine's other work leaves.

    python bench/repeat.py [--runs 5] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from stepscope.evidence import provenance
from stepscope.measure import step_time
from stepscope.plan import memory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = (64, 4096, 65536)
GOAL = 0.03


def spread(values: Sequence[float]) -> float:
    """Distance between the largest and the smallest over the median, without unit."""
    return (max(values) - min(values)) / median(values)


def memory(num_envs: int) -> float:
    """Bytes of a rollout of cart-poles: of the GPU where one is used, else of the machine."""
    footprint = memory_of("stepscope.envs:CartPole", num_envs, horizon=16).footprint
    if footprint is None:
        raise SystemExit("memory could not be measured")
    return float(footprint.host_bytes)


def main() -> int:
    """Measure, in turns, and print the spreads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, metavar="R", help="fresh processes each (default 5)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if options.runs < 2:  # noqa: PLR2004 - one has no spread
        parser.error("--runs takes a whole number from 2")
    kinds: dict[str, Callable[[int], float]] = {"step time": lambda n: step_time(n).median, "memory": memory}
    found: dict[str, dict[int, list[float]]] = {kind: {n: [] for n in SIZES} for kind in kinds}
    for _ in range(options.runs):
        for kind, measure in kinds.items():
            for n in SIZES:
                found[kind][n].append(measure(n))
    print(f"{'':<10} {'N':>6} {'median':>12} {'spread':>7}")
    for kind, sizes in found.items():
        for n, values in sizes.items():
            middle = (
                f"{1e6 * median(values):.1f} us"
                if kind == "step time"
                else f"{median(values) / 2**20:.1f} MiB"
            )
            print(f"{kind:<10} {n:>6} {middle:>12} {spread(values):>7.1%}")
    about = provenance()
    if about.driver is not None:
        met = max(spread(values) for values in found["step time"].values()) <= GOAL
        print(f"step times repeat within {GOAL:.0%}: {'met' if met else 'MISSED'}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        report = {"schema": 1, "threads": 1, "provenance": asdict(about), "measurements": found}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
