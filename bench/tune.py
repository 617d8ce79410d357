"""Search of `stepscope tune` against an exhaustive grid, random search, and Optuna with the final reward, in equal time.

Every setting of a grid is trained for real with several seeds, in seconds of the processor, so that other work on the
machine does not count. The searches then take their trials from these trainings, each many times with other random numbers.

PufferLib's Protein is missing: release 3.0.0 is a source distribution only, and its build downloads other sources, which did
not work here.

    python bench/tune.py [--seeds 6] [--studies 20] [--json PATH] [--table PATH]

``--table`` keeps the trainings: a file that holds some of them is gone on with.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import io
import json
import math
import random
import shutil
import tempfile
import time
from dataclasses import asdict
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from scipy import stats

from stepscope import logs
from stepscope.envs import CartPole
from stepscope.evidence import provenance
from stepscope.plan.fit import Budget
from stepscope.plan.tune import LocalRunner, Outcome, Study, Task, conclude, parse_search
from stepscope.train.rsl_rl import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNTIL = 100.0
BUDGET = 4.0  # seconds of the processor
NUM_ENVS = (32, 64, 128, 256, 512, 1024)
HORIZONS = (8, 24)


class _OverError(BaseException):
    """The time of a training is over; no library catches what is not an Exception."""


class _Console(io.StringIO):
    """Standard output that is read as it is printed."""

    def __init__(self) -> None:
        super().__init__()
        self.curve: list[tuple[float, float]] = []
        self._pending = ""
        self._start = time.process_time()

    def write(self, text: str) -> int:
        self._pending += text
        if self._pending.endswith("\n"):
            records, self._pending = list(logs.reads(self._pending)), ""
            seconds = time.process_time() - self._start
            self.curve += [(seconds, record.reward) for record in records if record.reward is not None]
            if seconds > BUDGET:
                raise _OverError
        return len(text)


def measure(num_envs: int, horizon: int, seed: int, *, folder: str) -> list[tuple[float, float]]:
    """Train, and return the seconds and the rewards that were printed."""
    log_dir = f"{folder}/{num_envs}-{horizon}-{seed}"
    with contextlib.redirect_stdout(_Console()) as console, contextlib.suppress(_OverError):
        train(CartPole(num_envs, seed=seed), iterations=10**6, horizon=horizon, seed=seed, log_dir=log_dir)
    return console.curve


def fill_table(path: Path, seeds: int) -> dict[tuple[int, int, int], list[tuple[float, float]]]:
    """Return the curve of every setting and seed, of which the file holds some."""
    table = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            key, curve = json.loads(line)
            table[tuple(key)] = [tuple(point) for point in curve]
    todo = [
        (num_envs, horizon, seed)
        for seed, num_envs, horizon in product(range(1, seeds + 1), NUM_ENVS, HORIZONS)
        if (num_envs, horizon, seed) not in table
    ]
    # TensorBoard's threads go on writing there after a training.
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if todo:
        measure(64, 8, 0, folder=folder)  # what is imported and compiled once
    for key in todo:
        table[key] = measure(*key, folder=folder)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, table[key]]) + "\n")
        reached = next((seconds for seconds, reward in table[key] if reward >= UNTIL), math.nan)
        print(f"{key[0]:6}{key[1]:4}{key[2]:3}{reached:8.2f} s{table[key][-1][1]:9.1f}", flush=True)
    return table


Table = dict[tuple[int, int, int], list[tuple[float, float]]]
Setting = tuple[int, int]
SETTINGS = tuple(product(NUM_ENVS, HORIZONS))
FINALS = 10_000  # the seeds of the finals begin there
GOAL = 0.1  # a setting within this of the best one
SHARE = 0.25  # of the grid's time


class Trainings:
    """Takes trials from a table of trainings, as `stepscope.plan.tune.run_trial` runs them.

    Attributes
    ----------
    seconds
        Time that the trials so far would have taken.
    """

    def __init__(self, table: Table, draw: random.Random, *, alike: Setting | None = None) -> None:
        self._table, self._alike = table, alike
        self._seeds = sorted({seed for _, _, seed in table})
        draw.shuffle(self._seeds)
        self._draw = draw
        self.seconds = 0.0

    @property
    def final_seeds(self) -> int:
        """Seeds that the search does not use."""
        return len(self._seeds) - 1

    def __call__(
        self,
        command: Sequence[str],
        *,
        until: float,
        budget_seconds: float,
        stop_seconds: float = math.inf,
        on_tick: Callable[[tuple[float, float]], bool],
        **_: object,
    ) -> Outcome:
        """Return the outcome of a trial, whose command is the numbers of environments and steps, and the seed."""
        num_envs, horizon, number = map(int, command)
        # The search has the first seed, the finals have the others: where settings are alike any of them.
        seed = self._seeds[1 + number % self.final_seeds] if number >= FINALS else self._seeds[0]
        if self._alike is not None:
            (num_envs, horizon), seed = self._alike, self._draw.choice(self._seeds)
        points: list[tuple[float, float]] = []
        status, ended = "time over", min(budget_seconds, stop_seconds)
        for seconds, reward in self._table[num_envs, horizon, seed]:
            if seconds >= ended:
                break
            points.append((seconds, reward))
            if reward >= until:
                status, ended = "reached", seconds
            elif on_tick((seconds, reward)):
                status, ended = "stopped", seconds
        if status == "time over" and stop_seconds < budget_seconds:
            status = "stopped"
        self.seconds += ended
        return Outcome(
            status=status,  # type: ignore[arg-type]
            library="rsl_rl",
            seconds=ended,
            curve=tuple(points),
            best_reward=max((reward for _, reward in points), default=None),
            host_bytes=10**8,
        )


def time_to(curve: Sequence[tuple[float, float]]) -> float:
    """Return the seconds to the threshold, at most the time of a trial."""
    return min(BUDGET, next((seconds for seconds, reward in curve if reward >= UNTIL), BUDGET))


def tune(
    table: Table, draw: random.Random, *, seconds: float, alike: Setting | None = None
) -> dict[str, Any]:
    """Search as `stepscope tune` does; return the setting to use, the time, and whether it is recommended."""
    trainings = Trainings(table, draw, alike=alike)
    command = ("{num_envs}", "{horizon}", "{seed}")
    texts = [f"num_envs={','.join(map(str, NUM_ENVS))}", f"horizon={','.join(map(str, HORIZONS))}"]
    task = Task(
        command=command,
        space=parse_search(command, texts),
        until=UNTIL,
        trial_seconds=BUDGET,
        first_seconds=math.inf,
        seed=draw.randrange(1000),
        library=None,
        memory=Budget(host_bytes=2**40, device_bytes=None),
    )
    memory = Path("/dev/shm")  # noqa: S108 - no disk is waited for
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        study = Study(Path(folder) / "tune.db", task, runner=LocalRunner(trainings))
        study.search(trials=len(SETTINGS), seconds=seconds, final_seeds=trainings.final_seeds)
        study.run_finals(seeds=trainings.final_seeds, seconds=seconds)
        tuning = conclude(study, task)
        study.close()
    choice = None if tuning.choice is None else tuple(tuning.choice.values.values())
    return {"setting": choice, "seconds": trainings.seconds, "recommended": tuning.recommended is not None}


def search_at_random(table: Table, draw: random.Random, *, seconds: float) -> dict[str, Any]:
    """Run settings with seeds, both at random, while there is time; take the one with the least mean time."""
    runs = list(table)
    draw.shuffle(runs)
    times: dict[Setting, list[float]] = {}
    spent = 0.0
    for num_envs, horizon, seed in runs:
        cost = time_to(table[num_envs, horizon, seed])
        if spent + cost > seconds:
            break
        times.setdefault((num_envs, horizon), []).append(cost)
        spent += cost
    return {"setting": min(times, key=lambda setting: fmean(times[setting])), "seconds": spent}


def maximise_final_reward(table: Table, draw: random.Random, *, seconds: float) -> dict[str, Any]:
    """Let Optuna maximise the reward at the end of a trial, with its defaults, while there is time."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seeds = sorted({seed for _, _, seed in table})

    def objective(trial: optuna.Trial) -> float:
        num_envs = trial.suggest_categorical("num_envs", NUM_ENVS)
        horizon = trial.suggest_categorical("horizon", HORIZONS)
        curve = table[num_envs, horizon, draw.choice(seeds)]
        return [reward for at, reward in curve if at <= BUDGET][-1]

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=draw.randrange(10**6))
    )
    trials = int(seconds / BUDGET)
    study.optimize(objective, n_trials=trials)
    return {
        "setting": (study.best_params["num_envs"], study.best_params["horizon"]),
        "seconds": trials * BUDGET,
    }


def judge(results: Sequence[dict[str, Any]], means: dict[Setting, float], grid: float) -> dict[str, Any]:
    """Return how much slower the settings found are than the best one, and how often they are within the goal."""
    best = min(means.values())
    slower = [(means[tuple(one["setting"])] if one["setting"] else BUDGET) / best - 1 for one in results]
    good = sum(value <= GOAL for value in slower)
    share = stats.binomtest(good, len(slower)).proportion_ci(method="wilson")
    interval = (
        stats.bootstrap((slower,), np.mean, rng=0).confidence_interval if len(set(slower)) > 1 else None
    )
    return {
        "slower": fmean(slower),
        "slower_interval": [slower[0]] * 2
        if interval is None
        else [float(interval.low), float(interval.high)],
        "within_goal": good,
        "studies": len(slower),
        "within_goal_interval": [float(share.low), float(share.high)],
        "share_of_grid": fmean(one["seconds"] for one in results) / grid,
        "recommended": sum(one.get("recommended", False) for one in results),
        "settings": [one["setting"] for one in results],
    }


def main() -> None:
    """Measure, search, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path, default=Path("tune-table.jsonl"))
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--studies", type=int, default=20)
    options = parser.parse_args()
    table = fill_table(options.table, options.seeds)
    means = {
        setting: fmean(time_to(curve) for key, curve in table.items() if key[:2] == setting)
        for setting in SETTINGS
    }
    grid = sum(map(time_to, table.values()))
    best = min(means, key=means.__getitem__)
    print(f"\n{'N':>6}{'H':>4}  mean seconds to a reward of {UNTIL:g} with {options.seeds} seeds")
    for (num_envs, horizon), mean in means.items():
        reached = sum(
            time_to(table[num_envs, horizon, seed]) < BUDGET for seed in range(1, options.seeds + 1)
        )
        print(f"{num_envs:6}{horizon:4}{mean:7.2f}  reached {reached} of {options.seeds}")
    searches = {
        "stepscope tune": tune,
        "random": search_at_random,
        "Optuna, final reward": maximise_final_reward,
    }
    judged = {}
    print(f"\nthe grid: {grid:.0f} s; each search has {SHARE:.0%} of it, {options.studies} times")
    for name, search in searches.items():
        draws = [random.Random(number) for number in range(options.studies)]  # noqa: S311 - nothing secret
        results = [search(table, draw, seconds=SHARE * grid) for draw in draws]
        judged[name] = judge(results, means, grid)
        low, high = judged[name]["slower_interval"]
        print(
            f"{name:22}{judged[name]['slower']:7.1%} slower than the best [{low:.1%}, {high:.1%}];"
            f" within {GOAL:.0%} in {judged[name]['within_goal']} of {options.studies};"
            f" {judged[name]['share_of_grid']:.0%} of the grid's time",
            flush=True,
        )
    draws = [random.Random(number) for number in range(options.studies)]  # noqa: S311 - nothing secret
    alike = sum(tune(table, draw, seconds=SHARE * grid, alike=best)["recommended"] for draw in draws)
    print(f"where all settings are alike, one is recommended in {alike} of {options.studies}")
    print(provenance())
    if options.json:
        result = {
            "until": UNTIL,
            "budget_seconds": BUDGET,
            "grid_seconds": grid,
            "best": best,
            "means": [[*setting, mean] for setting, mean in means.items()],
            "searches": judged,
            "alike_recommended": alike,
            "provenance": asdict(provenance()),
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
