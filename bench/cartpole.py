"""CartPole side by side: this project's, eager and compiled, gymnasium's vector one, and EnvPool's.

Every number comes from a fresh process with one thread; the contestants take turns, so that whatever else the machine
does disturbs all of them alike. Actions are random and made before the clock starts.

    python bench/cartpole.py [--sizes 64 4096] [--rounds 7] [--json PATH]
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

    return asdict(measure.stopwatch(call, block=0.2, warm_up=0.5)())


CONTESTANTS: dict[str, tuple[str, dict[str, Any]]] = {
    PEER: ("cartpole:measure_gymnasium", {}),
    "eager": ("cartpole:measure_ours", {"compiled": False}),
    "compiled": ("cartpole:measure_ours", {"compiled": True}),
    "envpool": ("cartpole:measure_envpool", {}),
}


def run(sizes: Sequence[int], *, rounds: int) -> tuple[dict[int, measure.Comparison], dict[str, str]]:
    """Compare the contestants at each size, in turns; returns seconds per vector step, and why some are absent."""
    absent: dict[str, str] = {}
    if util.find_spec("envpool") is None:
        absent["envpool"] = "not installed"
    found: dict[int, measure.Comparison] = {}
    for num_envs in sizes:
        for name in CONTESTANTS:  # who cannot take part at this size is found out first
            if name not in absent and (reason := _refusal(name, num_envs)):
                absent[name] = reason
        sides = {name: _side(name, num_envs) for name in CONTESTANTS if name not in absent}
        _progress(f"N = {num_envs}")
        goals_here = [(PEER, name, least) for name, least in GOALS.items() if {PEER, name} <= set(sides)]
        found[num_envs] = measure.compare(
            sides,
            thresholds=goals_here if num_envs == GOAL_SIZE else [],
            least=rounds,
            # A verdict deserves more than a row of a table.
            most=4 * rounds if num_envs == GOAL_SIZE else rounds,
            budget=600.0,
        )
    _progress("")
    return found, absent


def _side(name: str, num_envs: int) -> Callable[[], measure.Elapsed]:
    target, arguments = CONTESTANTS[name]
    return lambda: measure.Elapsed(
        **measure.run_in_subprocess(target, limit=600.0, num_envs=num_envs, **arguments)
    )


def _refusal(name: str, num_envs: int) -> str | None:
    """Why a contestant does not take part; None if it does."""
    try:
        _side(name, num_envs)()
    except BadInputError as error:
        return "no compiler" if "compiler" in str(error) else str(error)
    except measure.MeasurementFailedError as error:
        return error.reason
    return None


def table(timings: dict[int, measure.Comparison], absent: dict[str, str], sizes: Sequence[int]) -> str:
    """Rates in environment steps per second, their spread, and their ratio to gymnasium's."""
    lines = [f"{'N':>7}  {'contestant':<10} {'steps/s':>10}  {'quartiles':>19}  {'of gymnasium':>24}"]
    for num_envs in sizes:
        lines += [
            f"{num_envs:>7}  {name:<10} {_row(timings, absent, name, num_envs)}".rstrip()
            for name in CONTESTANTS
        ]
        lines.append("")
    return "\n".join(lines)


def _row(timings: dict[int, measure.Comparison], absent: dict[str, str], name: str, num_envs: int) -> str:
    if name not in timings[num_envs].rounds[0]:
        return f"{absent.get(name, 'left out'):>10}"
    timing, ratio = timings[num_envs].seconds(name), _ratio(timings, name, num_envs)
    quartiles = f"{_short(num_envs / timing.high)} to {_short(num_envs / timing.low)}"
    of_peer = "-" if ratio is None else ratio.show("{:.2f}x")
    return f"{_short(num_envs / timing.median):>10}  {quartiles:>19}  {of_peer:>24}"


def _ratio(timings: dict[int, measure.Comparison], name: str, num_envs: int) -> measure.Estimate | None:
    found = timings.get(num_envs)
    if found is None or not {PEER, name} <= set(found.rounds[0]):
        return None
    return found.ratio(PEER, name)


def _short(rate: float) -> str:
    return f"{rate / 1e6:.3g} M" if rate >= 1e6 else f"{rate / 1e3:.3g} k"  # noqa: PLR2004 - a million


def goals(timings: dict[int, measure.Comparison], absent: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Say of each goal whether it is met; None where it was not measured."""
    found = {}
    for name, least in GOALS.items():
        ratio = _ratio(timings, name, GOAL_SIZE)
        found[name] = {
            "num_envs": GOAL_SIZE,
            "least": least,
            "ratio": None if ratio is None else ratio.value,
            "interval": None if ratio is None else [ratio.low, ratio.high],
            "met": None if ratio is None else ratio.above(least).holds,
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
        default=7,
        metavar="R",
        help=f"fresh processes per number (default 7), up to four times as many at {GOAL_SIZE}",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result here")
    options = parser.parse_args()
    if min(options.sizes) < 1 or options.rounds < 1:
        parser.error("--sizes and --rounds take whole numbers from 1")

    timings, absent = run(options.sizes, rounds=options.rounds)
    print(table(timings, absent, options.sizes))
    reached = goals(timings, absent)
    for name, goal in reached.items():
        unknown = "not measured" if goal["ratio"] is None else "undecided"
        verdict = {True: "met", False: "MISSED", None: unknown}[goal["met"]]
        ratio = (
            ""
            if goal["ratio"] is None
            else f" ({goal['ratio']:.2f}x, {goal['interval'][0]:.2f}x to {goal['interval'][1]:.2f}x)"
        )
        print(f"{name} at {GOAL_SIZE} is at least {goal['least']:g}x gymnasium: {verdict}{ratio}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(
            json.dumps(_report(timings, absent, reached), indent=1) + "\n", encoding="utf-8"
        )
    return 0


def _report(
    timings: dict[int, measure.Comparison], absent: dict[str, str], reached: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    about = asdict(provenance())
    if "envpool" not in absent:
        about["versions"]["envpool"] = metadata.version("envpool")
    rows = [
        {
            "contestant": name,
            "num_envs": num_envs,
            "steps_per_second": num_envs / found.seconds(name).median,
            **asdict(found.seconds(name)),
        }
        for num_envs, found in timings.items()
        for name in found.rounds[0]
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
