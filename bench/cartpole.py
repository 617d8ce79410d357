"""CartPole side by side: this project's, eager and compiled, gymnasium's vector one, and EnvPool's.

Every number comes from a fresh process with one thread; the contestants take turns, so that whatever else the machine
does disturbs all of them alike. Actions are random and made before the clock starts.

    python bench/cartpole.py [--sizes 64 4096] [--rounds 3] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope import measure
from stepscope.errors import BadInputError
from stepscope.evidence import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = (1, 64, 1024, 4096, 65536)
PEER = "gymnasium"
GOALS = {"eager": 0.8, "compiled": 3.0}  # times gymnasium's rate
GOAL_SIZE = 4096


def measure_ours(num_envs: int, *, compiled: bool) -> dict[str, Any]:
    """Time this project's environment; runs in the fresh process."""
    import torch  # noqa: PLC0415 - for the fresh process only

    from stepscope.envs import CartPole  # noqa: PLC0415 - the same

    env = CartPole(num_envs, seed=0, compile=compiled)
    actions = [2.0 * torch.rand(num_envs, 1) - 1.0 for _ in range(8)]
    return _time(env.step, actions)


def measure_gymnasium(num_envs: int) -> dict[str, Any]:
    """Time gymnasium's vector environment; runs in the fresh process."""
    import gymnasium  # noqa: PLC0415 - for the fresh process only
    import numpy as np  # noqa: PLC0415 - the same

    env = gymnasium.make_vec("CartPole-v1", num_envs=num_envs, vectorization_mode="vector_entry_point")
    env.reset(seed=0)
    return _time(env.step, list(np.random.default_rng(0).integers(0, 2, (8, num_envs))))


def measure_envpool(num_envs: int) -> dict[str, Any]:
    """Time EnvPool's environment; runs in the fresh process."""
    import envpool  # noqa: PLC0415 - for the fresh process only
    import numpy as np  # noqa: PLC0415 - the same

    env = envpool.make("CartPole-v1", env_type="gymnasium", num_envs=num_envs, num_threads=1, seed=0)
    env.reset()
    return _time(env.step, list(np.random.default_rng(0).integers(0, 2, (8, num_envs))))


def _time(step: Callable[[Any], object], actions: Sequence[Any]) -> dict[str, Any]:
    turn = 0

    def call() -> None:
        nonlocal turn
        turn = (turn + 1) % len(actions)
        step(actions[turn])

    return asdict(measure.time_blocks(call, repeats=7, warm_up=0.5))


CONTESTANTS: dict[str, tuple[str, dict[str, Any]]] = {
    PEER: ("cartpole:measure_gymnasium", {}),
    "eager": ("cartpole:measure_ours", {"compiled": False}),
    "compiled": ("cartpole:measure_ours", {"compiled": True}),
    "envpool": ("cartpole:measure_envpool", {}),
}


def run(sizes: Sequence[int], *, rounds: int) -> tuple[dict[str, dict[int, measure.Timing]], dict[str, str]]:
    """Measure all contestants at all sizes; returns seconds per vector step, and why some are absent."""
    absent: dict[str, str] = {}
    if util.find_spec("envpool") is None:
        absent["envpool"] = "not installed"
    samples: dict[tuple[str, int], list[float]] = {}
    for num_envs in sizes:
        # A verdict deserves more than a row of a table.
        turns = 2 * rounds if num_envs == GOAL_SIZE else rounds
        for turn in range(turns):
            for name, (target, arguments) in CONTESTANTS.items():
                if name in absent:
                    continue
                _progress(f"N = {num_envs}, round {turn + 1} of {turns}: {name}")
                try:
                    timing = measure.fresh(target, limit=120.0, num_envs=num_envs, **arguments)
                except BadInputError as error:
                    absent[name] = "no compiler" if "compiler" in str(error) else str(error)
                except measure.MeasurementFailedError as error:
                    absent[name] = error.reason
                else:
                    samples.setdefault((name, num_envs), []).append(timing["median"])
    _progress("")
    timings: dict[str, dict[int, measure.Timing]] = {name: {} for name in CONTESTANTS}
    for (name, num_envs), medians in samples.items():
        timings[name][num_envs] = measure.summarise(medians)
    return timings, absent


def table(timings: dict[str, dict[int, measure.Timing]], absent: dict[str, str], sizes: Sequence[int]) -> str:
    """Rates in environment steps per second, their spread, and their ratio to gymnasium's."""
    lines = [f"{'N':>7}  {'contestant':<10} {'steps/s':>10}  {'quartiles':>19}  {'of gymnasium':>12}"]
    for num_envs in sizes:
        lines += [
            f"{num_envs:>7}  {name:<10} {_row(timings, absent, name, num_envs)}".rstrip()
            for name in CONTESTANTS
        ]
        lines.append("")
    return "\n".join(lines)


def _row(
    timings: dict[str, dict[int, measure.Timing]], absent: dict[str, str], name: str, num_envs: int
) -> str:
    timing = timings[name].get(num_envs)
    if timing is None:
        return f"{absent.get(name, 'left out'):>10}"
    quartiles = f"{_short(num_envs / timing.high)} to {_short(num_envs / timing.low)}"
    ratio = _ratio(timings, name, num_envs)
    return f"{_short(num_envs / timing.median):>10}  {quartiles:>19}  {'-' if ratio is None else f'{ratio:.2f}x':>12}"


def _ratio(timings: dict[str, dict[int, measure.Timing]], name: str, num_envs: int) -> float | None:
    ours, peer = timings[name].get(num_envs), timings[PEER].get(num_envs)
    return peer.median / ours.median if ours and peer else None


def _short(rate: float) -> str:
    return f"{rate / 1e6:.3g} M" if rate >= 1e6 else f"{rate / 1e3:.3g} k"  # noqa: PLR2004 - a million


def goals(timings: dict[str, dict[int, measure.Timing]], absent: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Say of each goal whether it is met; None where it was not measured."""
    found = {}
    for name, least in GOALS.items():
        ratio = _ratio(timings, name, GOAL_SIZE)
        met = None if ratio is None else ratio >= least
        found[name] = {
            "num_envs": GOAL_SIZE,
            "least": least,
            "ratio": ratio,
            "met": met,
            "absent": absent.get(name),
        }
    return found


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print the table and the goals, and write them down if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(SIZES), metavar="N", help="numbers of environments"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        metavar="R",
        help=f"fresh processes per number (default 3), twice as many at {GOAL_SIZE}",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if min(options.sizes) < 1 or options.rounds < 1:
        parser.error("--sizes and --rounds take whole numbers from 1")

    timings, absent = run(options.sizes, rounds=options.rounds)
    print(table(timings, absent, options.sizes))
    reached = goals(timings, absent)
    for name, goal in reached.items():
        verdict = {True: "met", False: "MISSED", None: "not measured"}[goal["met"]]
        ratio = "" if goal["ratio"] is None else f" ({goal['ratio']:.2f}x)"
        print(f"{name} at {GOAL_SIZE} is at least {goal['least']:g}x gymnasium: {verdict}{ratio}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps(_report(timings, absent, reached), indent=1) + "\n", encoding="utf-8"
        )
    return 0


def _report(
    timings: dict[str, dict[int, measure.Timing]], absent: dict[str, str], reached: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    about = asdict(provenance())
    if "envpool" not in absent:
        about["versions"]["envpool"] = metadata.version("envpool")
    rows = [
        {
            "contestant": name,
            "num_envs": num_envs,
            "steps_per_second": num_envs / timing.median,
            **asdict(timing),
        }
        for name, at in timings.items()
        for num_envs, timing in at.items()
    ]
    return {
        "schema": 1,
        "threads": 1,
        "provenance": about,
        "goals": reached,
        "absent": absent,
        "measurements": rows,
    }


if __name__ == "__main__":
    sys.exit(main())
