"""Rates and memory of the libraries that are installed, each in a process of its own.

The command is a user's: ``python -m stepscope.train LIBRARY``. Its rates are read from what the library prints, each
under its scope, and its memory is that of the whole process.

    python bench/libraries.py [--num-envs 4096 16384] [--iterations 12]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import util
from statistics import median
from typing import Any

import torch

from stepscope.evidence import claim, provenance, record_measurement
from stepscope.logs import reads
from stepscope.measure import Outcome, footprint_of_command

MODULES = {"rsl_rl": "rsl_rl", "rl_games": "rl_games", "skrl": "skrl", "sb3": "stable_baselines3"}
SCOPES = ("step", "rollout", "total", "cumulative")
HORIZON = 32


def train(library: str, num_envs: int, iterations: int, *, limit: float) -> Outcome:
    """Train as a user does, and return how it ended."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            *(sys.executable, "-m", "stepscope.train", library, "--num-envs", str(num_envs)),
            *("--iterations", str(iterations), "--horizon", str(HORIZON), "--log-dir", folder),
        ]
        return footprint_of_command(command, limit_seconds=limit)


def rates(printed: str, num_envs: int) -> dict[str, float]:
    """Return the typical rate of each scope that the library prints: without the first iteration, which warms up."""
    rows = [row for row in reads(printed) if row.kind in ("iteration", "progress")]
    found = {}
    for scope in SCOPES:
        values = [value for row in rows if (value := getattr(row.fps, scope)) is not None]
        if values:
            found[scope] = values[-1] if scope == "cumulative" else median(values[1:] or values)
    steps = [row.metrics["it/s"] for row in rows if "it/s" in row.metrics]
    if steps and not found:  # skrl's bar counts vector steps
        found["cumulative"] = steps[-1] * num_envs
    return found


def describe(outcome: Outcome, num_envs: int) -> dict[str, Any]:
    """Return rates and memory of a run, or why there are none."""
    memory = outcome.footprint
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "env_steps_per_second": rates(outcome.printed, num_envs) if outcome.ok else {},
        "host_bytes": memory and memory.host_bytes,
        "device_bytes": memory and memory.device_bytes,
    }


def main() -> None:
    """Print a line for each run, and keep them."""
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--num-envs", type=int, nargs="+", default=[4096, 16384] if on_gpu else [64, 256], metavar="N"
    )
    parser.add_argument("--iterations", type=int, default=12 if on_gpu else 4, metavar="K")
    parser.add_argument(
        "--limit", type=float, default=120.0, metavar="S", help="seconds for a run (default 120)"
    )
    options = parser.parse_args()
    installed = [library for library, module in MODULES.items() if util.find_spec(module) is not None]
    print(f"installed: {', '.join(installed) or 'none of the libraries'}")
    runs: dict[str, dict[str, Any]] = {}
    for num_envs in options.num_envs:
        for library in installed:
            outcome = train(library, num_envs, options.iterations, limit=options.limit)
            run = runs.setdefault(library, {})[str(num_envs)] = describe(outcome, num_envs)
            shown = ", ".join(f"{scope} {rate:,.0f}/s" for scope, rate in run["env_steps_per_second"].items())
            taken = run["device_bytes" if on_gpu else "host_bytes"]
            memory = f"{taken / 2**20:,.0f} MiB" if taken else "memory unknown"
            print(
                f"{library:9} N = {num_envs:6}  {run['status']}  {shown}  {memory}  {run['reason']}",
                flush=True,
            )
            record_measurement(
                "libraries", {"horizon": HORIZON, "runs": runs}
            )  # after each: the rest may be cut off
    done = [run["status"] == "ok" for found in runs.values() for run in found.values()]
    if done:
        claim(
            "Every installed library trains cart-poles with default settings at each of these numbers of environments",
            all(done),
            f"{sum(done)} of {len(done)} runs, {' and '.join(f'{n:,}' for n in options.num_envs)} environments",
        )
    print(provenance())


if __name__ == "__main__":
    main()
