"""`stepscope fit` side by side with what accelerate does: try ever smaller sizes until one fits.

Each target has a budget on the CPU, and the truth is found by bisection, in processes of their own. accelerate's
`find_executable_batch_size` runs for real, in one process that its search shares with the training, as it is used:
halving, and with its own factor of 0.9. It is measured twice: where an allocator is refused at the budget, as on a GPU,
and where the system kills who takes more, as it does on a CPU.

    python bench/fit.py [--targets known cartpole] [--gibibytes 1] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.evidence import provenance
from stepscope.measure import RETURNS_MEMORY, footprint_of_command
from stepscope.plan import Load, Target, memory_of
from stepscope.plan.fit import Budget, estimate_capacity

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = {"probes": 4, "distance": 0.05, "crashes": 0}
LIMIT = 300.0  # seconds for a process
_FINE = 0.005  # a bisection ends where its two ends are this close
_TOO_LARGE = 8  # accelerate begins at the power of two from so many times the truth on


@dataclass(frozen=True, kw_only=True)
class World:
    """A target of the benchmark."""

    factory: str
    horizon: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    fixed_gibibytes: float = (
        0.0  # of budget beyond what every target has, for one that takes more before it begins
    )


TARGETS = {
    "known": World(factory="fitting.worlds:Known"),
    "cartpole": World(factory="stepscope.envs:CartPole", horizon=64),
    "quadruped": World(factory="stepscope.envs.scenes:quadruped", fixed_gibibytes=0.25),
}


def truth(world: World, budget: int, *, near: int, refused: bool) -> int:
    """Find the largest size that fits, by bisection, each size in a process of its own."""

    def fits(size: int) -> bool:
        _progress(f"{world.factory}: bisection, N = {size:,}")
        limits = {"limit_asked_bytes": budget} if refused else {"limit_bytes": budget}
        return memory_of(
            world.factory, size, horizon=world.horizon, options=world.options, limit_seconds=LIMIT, **limits
        ).ok

    low, high = _bracket(fits, near)
    while high - low > max(1, _FINE * low):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _bracket(fits: Callable[[int], bool], near: int) -> tuple[int, int]:
    low, high = near, int(1.05 * near) + 1
    while not fits(low):
        low, high = int(0.9 * low), low
    while high > low and fits(high):
        low, high = high, int(1.1 * high) + 1
    return low, high


def run_fit(world: World, budget: int) -> dict[str, Any]:
    """Fit, and say how many probes that took; whatever they died of, this process goes on."""
    begun = time.perf_counter()
    capacity = estimate_capacity(
        Target.parse(world.factory, None),
        budget=Budget.of_this_machine(budget),
        load=Load(horizon=world.horizon, options=world.options),
        limit_seconds=LIMIT,
    )
    return {
        "found": capacity.largest,
        "probes": len(capacity.probes),
        "crashes": 0,
        "seconds": time.perf_counter() - begun,
        "ended": "",
    }


def run_accelerate(world: World, budget: int, *, start: int, halve: bool, refused: bool) -> dict[str, Any]:
    """Let accelerate search in a process of its own, which may die of it."""
    request = {
        "factory": world.factory,
        "start": start,
        "horizon": world.horizon,
        "halve": halve,
        "options": world.options,
    }
    limits = {"limit_asked_bytes": budget} if refused else {"limit_bytes": budget}
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    outcome = footprint_of_command(
        [sys.executable, "-m", "fitting.halving", json.dumps(request)],
        limit_seconds=LIMIT,
        environment={
            **RETURNS_MEMORY,
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(paths),
        },
        **limits,
    )
    lines = [json.loads(line) for line in outcome.printed.splitlines() if line.startswith("{")]
    return {
        "found": next((line["fits"] for line in lines if "fits" in line), None),
        "probes": sum("tried" in line for line in lines),
        "crashes": int(not outcome.ok),
        "seconds": outcome.seconds,
        "ended": outcome.reason,
    }


def compare(world: World, budget: int) -> dict[str, Any]:
    """Run all contestants on one target, each against the truth of its own kind of limit."""
    _progress(f"{world.factory}: fit")
    rows = {"stepscope fit": {**run_fit(world, budget), "limit": "killed"}}
    near = rows["stepscope fit"]["found"] or 1
    truths = {
        "killed": truth(world, budget, near=near, refused=False),
        "refused": truth(world, budget, near=near, refused=True),
    }
    start = 1 << (_TOO_LARGE * truths["killed"] - 1).bit_length()
    for limit in ("refused", "killed"):
        for name, halve in (("accelerate, halving", True), ("accelerate, x 0.9", False)):
            _progress(f"{world.factory}: {name}, {limit}")
            row = run_accelerate(world, budget, start=start, halve=halve, refused=limit == "refused")
            rows[f"{name}, {limit}"] = {**row, "limit": limit}
    for row in rows.values():
        row["distance"] = None if row["found"] is None else row["found"] / truths[row["limit"]] - 1.0
    _progress("")
    return {"budget_bytes": budget, "truth": truths, "start": start, "contestants": rows}


def table(name: str, result: dict[str, Any]) -> str:
    """One target: probes, crashes, distance from the truth, wall time."""
    head = (
        f"{name}: budget {result['budget_bytes'] / 2**30:.2f} GiB; the largest N that fits is"
        f" {result['truth']['killed']:,} ({result['truth']['refused']:,} where allocators are refused);"
        f" accelerate begins at {result['start']:,}"
    )
    lines = [head, f"{'':<30} {'probes':>6} {'crashes':>7} {'found':>10} {'off':>7} {'seconds':>8}"]
    for contestant, row in result["contestants"].items():
        found = "-" if row["found"] is None else f"{row['found']:,}"
        off = "-" if row["distance"] is None else f"{row['distance']:+.1%}"
        lines.append(
            f"{contestant:<30} {row['probes']:>6} {row['crashes']:>7} {found:>10} {off:>7} {row['seconds']:>8.1f}"
        )
    return "\n".join(lines)


def goals(results: dict[str, Any]) -> dict[str, bool]:
    """Say of each target whether `fit` was within its goals."""
    met = {}
    for name, result in results.items():
        row = result["contestants"]["stepscope fit"]
        near = row["distance"] is not None and abs(row["distance"]) <= GOAL["distance"]
        met[name] = near and row["probes"] <= GOAL["probes"] and row["crashes"] <= GOAL["crashes"]
    return met


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Compare on every target, print the tables and the goals, and write them down if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--gibibytes", type=float, default=1.0, metavar="G", help="budget (default 1)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if options.gibibytes <= 0:
        parser.error("--gibibytes takes a number above 0")
    if util.find_spec("accelerate") is None:
        parser.error("accelerate is not installed; run this with nox -s bench -- fit")
    results = {}
    for name in options.targets:
        world = TARGETS[name]
        results[name] = compare(world, int((options.gibibytes + world.fixed_gibibytes) * 2**30))
        print(table(name, results[name]), end="\n\n", flush=True)
    met = goals(results)
    for name, reached in met.items():
        print(f"{name}: within 5 % in four probes, no crash of the parent: {'met' if reached else 'MISSED'}")
    if options.json:
        about = asdict(provenance())
        about["versions"]["accelerate"] = metadata.version("accelerate")
        options.json.parent.mkdir(parents=True, exist_ok=True)
        report = {"schema": 1, "threads": 1, "provenance": about, "goals": met, "targets": results}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
