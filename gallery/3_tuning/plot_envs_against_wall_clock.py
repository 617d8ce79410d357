# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Do more environments save time, or samples?
===========================================

A large batch needs fewer iterations, but each of them costs more.
This example trains the cart-pole to a mean reward with more and more environments,
and counts environment steps and seconds: with RSL-RL, which fixes the number of minibatches,
and with RL-Games, which fixes their size.
"""

import math

import numpy as np
import torch
from stepscope import plots
from stepscope.evidence import (
    claim,
    full_size,
    provenance,
    read_recorded,
    record_measurement,
)
from stepscope.logs import BY_KEY
from stepscope.measure import Estimate, all_of
from stepscope.plan import CostModel
from stepscope.plan.critical_batch import CriticalBatch
from stepscope.train.experiments.learning import learn, median_of, ratio_of_medians

# %%
# An untrained policy keeps the pole up for 20 steps, a perfect one for 500.
# A run ends at a mean reward of 100, or after 150 iterations: then it is censored, and
# counts as slower than all others.
#
# All libraries print the mean of the last 100 episodes that have ended.
# The mean lags: it cannot reach 100 before 100 vector steps, which are 7 iterations,
# and with many environments the short episodes end first.

horizon, reward, most_iterations = 16, 100, 150

if full_size():
    sizes = {
        "rsl_rl": [8, 16, 32, 64, 128, 256, 512, 1024],
        "rl_games": [16, 32, 64, 128],
    }
    seeds = range(8)
else:  # other seeds, so that this is a separate experiment
    sizes = {"rsl_rl": [32, 128], "rl_games": [16, 128]}
    seeds = range(100, 106)
on_gpu = torch.cuda.is_available()
if on_gpu:
    sizes["rsl_rl"] += [2048, 4096, 8192, 16384]

# %%
# The settings take turns, so that other load on the machine affects all of them.
# On a CPU the seconds are CPU seconds of one thread.


def train(
    library: str, envs: int, seed: int, iterations: int = most_iterations
) -> dict[str, float | None]:
    """Train until the reward, and return what that took."""
    curve = learn(
        library,
        num_envs=envs,
        horizon=horizon,
        minibatches=4 if library == "rsl_rl" else envs * horizon // 256,
        seed=seed,
        until=reward,
        max_env_steps=iterations * horizon * envs,
    )
    clock = curve.wall_seconds if on_gpu else curve.cpu_seconds
    reached = curve.iterations_to(reward)
    return {
        "iterations": reached,
        "env_steps": curve.env_steps_to(reward),
        "seconds": clock[reached - 1] if reached else None,
        "wall_seconds": curve.wall_seconds_to(reward),
        "iteration_seconds": clock[-1] / len(clock),
    }


for library in sizes:  # what happens once in a process is no part of a run
    train(library, sizes[library][0], seed=0, iterations=2)
here = {library: {envs: [] for envs in sizes[library]} for library in sizes}
for seed in seeds:
    for library, envs in ((key, envs) for key in sizes for envs in sizes[key]):
        here[library][envs].append(train(library, envs, seed))
record_measurement("runs", here)

# %%
# Medians over the seeds with their 95 % intervals, and next to them what the full size of
# this example recorded.


def each_seed(runs: list[dict], quantity: str) -> list[float | None]:
    """Return a quantity of each seed; None is one that did not get there."""
    return [run[quantity] for run in runs]


def show(results: dict, title: str) -> None:
    """Print medians with their intervals."""
    print(title)
    for library, by_size in results.items():
        for envs, runs in by_size.items():
            steps = median_of(each_seed(runs, "env_steps"))
            seconds = median_of(each_seed(runs, "seconds"))
            wall = median_of(each_seed(runs, "wall_seconds"))
            lost = each_seed(runs, "env_steps").count(None)
            print(
                f"  {BY_KEY[library].name:8} {envs:>5} environments:"
                f" {steps.show('{:,.0f}'):>30} env steps, {seconds.show('{:.2f}'):>20} s"
                f" (wall {wall.value:.2f} s)"
                + f", {lost} of {len(runs)} did not get there"
                * bool(lost)
            )


recorded = read_recorded()
full = here
show(here, f"here, {len(seeds)} seeds")
if recorded and not full_size():
    full = {
        library: {int(envs): runs for envs, runs in by_size.items()}
        for library, by_size in recorded["measurements"]["runs"].items()
    }
    show(full, f"recorded on {recorded['device']}, {recorded['date']}")

# %%
# Two curves describe the result.
# McCandlish's hyperbola shows how many iterations a batch of B samples needs:
# S(B) = S_min (1 + B_noise / B).
# The cost model shows what an iteration takes: T(N) = a + b N, with half of the peak rate
# at N½ = a / b.


def fit(
    runs_by_size: dict, draw: np.random.Generator | None = None
) -> tuple[CriticalBatch, CostModel]:
    """Fit both curves to medians over seeds, or over seeds that were drawn."""
    steps, times = [], []
    for envs, runs in runs_by_size.items():
        chosen = (
            runs
            if draw is None
            else [runs[i] for i in draw.choice(len(runs), len(runs))]
        )
        iterations = np.median([run["iterations"] or math.inf for run in chosen])
        if iterations < math.inf:  # where most never get there, there is no median
            steps.append((envs * horizon, iterations))
        times.append((envs, np.median(each_seed(chosen, "iteration_seconds"))))
    return CriticalBatch.fit(steps), CostModel.fit(times)


def interval(numbers: list[float]) -> str:
    """Return the 95 % interval of bootstrapped numbers, in words."""
    low, high = np.quantile(numbers, [0.025, 0.975], method="nearest")
    return f"({low:,.0f} to {high:,.0f})"


random = np.random.default_rng(0)
fits = {}
for library, by_size in full.items():
    fits[library] = curve, cost = fit(by_size)
    drawn = [fit(by_size, random) for _ in range(500)]
    noise = interval([one.noise_scale for one, _ in drawn])
    half = interval([one.half_rate_num_envs for _, one in drawn])
    print(
        f"{BY_KEY[library].name}: S_min = {curve.least_steps:.1f} iterations,"
        f" B_noise = {curve.noise_scale:,.0f} samples {noise},"
        f" which is {curve.noise_scale / horizon:,.0f} environments;"
        f" N½ = {cost.half_rate_num_envs:,.0f} environments {half}"
    )
record_measurement(
    "fits",
    {
        library: {
            "least_iterations": curve.least_steps,
            "noise_scale": curve.noise_scale,
            "half_rate_num_envs": cost.half_rate_num_envs,
        }
        for library, (curve, cost) in fits.items()
    },
)

# %%
# Each point is a number of environments.
# Points further left need fewer samples; points further down need less time.

medians = {
    library: {
        envs: [median_of(each_seed(runs, name)) for name in ("env_steps", "seconds")]
        for envs, runs in by_size.items()
    }
    for library, by_size in full.items()
}
least_samples, least_time = (
    min(medians["rsl_rl"], key=lambda envs: medians["rsl_rl"][envs][axis].value)
    for axis in (0, 1)
)
figure, axes = plots.figure(
    title=f"RSL-RL learns from the fewest samples with {least_samples} environments,"
    f" and in the least time with {least_time}",
    x=f"environment steps until a mean reward of {reward}",
    y="seconds" if on_gpu else "seconds of one CPU thread",
    log="xy",
)
for library, marker in (("rsl_rl", "o"), ("rl_games", "s")):
    name, colour = BY_KEY[library].name, plots.COLOURS[library]
    shown = {
        envs: pair
        for envs, pair in medians[library].items()
        if pair[0].value < math.inf
    }
    x, y = (np.array([pair[axis].value for pair in shown.values()]) for axis in (0, 1))
    spread = [
        [
            [pair[axis].value - pair[axis].low for pair in shown.values()],
            [
                min(pair[axis].high, 3 * pair[axis].value) - pair[axis].value
                for pair in shown.values()
            ],
        ]
        for axis in (0, 1)
    ]
    axes.errorbar(
        x,
        y,
        spread[1],
        spread[0],
        fmt=f"-{marker}",
        color=colour,
        capsize=2,
        elinewidth=0.8,
        label=name + ", recorded" * (full is not here),
    )
    for envs, *place in zip(shown, x, y, strict=True):
        axes.annotate(
            f"{envs}",
            place,
            (4, 5),
            textcoords="offset points",
            color=colour,
        )
    if full is not here:
        ours = [
            [
                median_of(each_seed(runs, quantity)).value
                for runs in here[library].values()
            ]
            for quantity in ("env_steps", "seconds")
        ]
        axes.plot(
            *ours,
            marker,
            markersize=9,
            markerfacecolor="none",
            color=plots.INK,
            label="this build" if library == "rl_games" else None,
        )
axes.legend()
plots.show(figure)

# %%
# Every dot is a seed; a triangle is a seed that did not reach the reward.
# The number of iterations has a lower limit: no batch is so large that one iteration suffices.

figure, axes = plots.figure(
    title=f"RSL-RL: a batch of {fits['rsl_rl'][0].noise_scale:,.0f} samples needs twice"
    " the least number of iterations",
    x="samples in a batch: environments x horizon",
    y=f"iterations until a mean reward of {reward}",
    log="xy",
)
for library, marker in (("rsl_rl", "o"), ("rl_games", "s")):
    colour = plots.COLOURS[library]
    for envs, runs in full[library].items():
        for count in each_seed(runs, "iterations"):
            axes.plot(
                envs * horizon,
                count or most_iterations,
                marker if count else "^",
                color=colour,
                markersize=4 if count else 8,
                alpha=0.5,
            )
    batches = [horizon * envs for envs in full[library]]
    line = np.geomspace(min(batches), max(batches), 100)
    axes.plot(
        line,
        [fits[library][0].predict(batch) for batch in line],
        "-" if library == "rsl_rl" else "--",
        color=colour,
        label=f"{BY_KEY[library].name}, fitted hyperbola",
    )
axes.axhline(reward / horizon, color=plots.MUTED, linestyle=":")
axes.text(
    batches[0],
    reward / horizon * 0.97,
    f"{reward} vector steps: no mean of {reward} can be printed before",
    color=plots.MUTED,
    va="top",
)
axes.legend()
plots.show(figure)

# %%
# Common advice, tested on this machine.


def compare(runs: dict, envs: int, others: int, quantity: str) -> Estimate:
    """Return how many times as much it takes with other environments."""
    one, other = (each_seed(runs[n], quantity) for n in (envs, others))
    return ratio_of_medians(other, one)


samples, seconds = (
    compare(here["rsl_rl"], 32, 128, quantity) for quantity in ("env_steps", "seconds")
)
claim(
    "RSL-RL takes more samples and less time with 128 environments than with 32: wall clock and"
    " sample efficiency part ways",
    all_of(samples.above(1), seconds.below(1)),
    f"{samples.show('{:.1f}x')} the samples, {seconds.show('{:.2f}x')} the time",
    question="C12",
)
if not on_gpu:
    samples, seconds = (
        compare(full["rl_games"], 16, 128, quantity)
        for quantity in ("env_steps", "seconds")
    )
    claim(
        "RL-Games with minibatches of one size takes more samples and more of one CPU thread with 128"
        " environments than with 16",
        all_of(samples.above(1), seconds.above(1)),
        f"{samples.show('{:.1f}x')} the samples, {seconds.show('{:.2f}x')} the time"
        + ", recorded at full size" * (full is not here),
        question="C12",
        recorded=full is not here,
    )
if full is not here:
    ratios = [
        ratio_of_medians(
            each_seed(runs, "env_steps"), each_seed(full[library][envs], "env_steps")
        )
        for library, by_size in here.items()
        for envs, runs in by_size.items()
    ]
    claim(
        f"other seeds in this build need as many samples as those of the full size, within a factor of 2,"
        f" at each of {len(ratios)} settings",
        all_of(*[ratio.between(0.5, 2) for ratio in ratios]),
        ", ".join(ratio.show("{:.2f}x") for ratio in ratios),
        question="C12",
    )

print(provenance())
