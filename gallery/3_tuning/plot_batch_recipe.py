# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
More environments: keep the number of minibatches, or their size?
=================================================================

RSL-RL and skrl keep the number of minibatches, so each of them grows with the number of environments.
RL-Games and Stable-Baselines3 keep their size.
This example trains the cart-pole with RSL-RL in both ways, on the same number of samples, and measures how long each
saved policy balances.
"""

import tempfile

import numpy as np
from stepscope import plots
from stepscope.evidence import (
    claim,
    full_size,
    provenance,
    read_recorded,
    record_measurement,
)
from stepscope.measure import Estimate
from stepscope.train.experiments.evaluation import (
    evaluate_checkpoints,
    interquartile_mean,
)
from stepscope.train.experiments.learning import learn, median_of, ratio_of_medians

# %%
# All runs start from 64 environments and 4 minibatches of 256 samples.
# With 8 times the environments that becomes 4 minibatches of 2,048 samples, or 32 of 256.
# Every 8,192 samples the policy is saved.
# After the run each saved policy takes its mean action from the same 64 start states: 500 steps is perfect.
# The printed reward would lag, because it is the mean of episodes that began before.

horizon, few, size, every = 16, 64, 256, 8192
threshold = 195
if full_size():
    num_envs, seeds, budget = [64, 512], range(8), 98_304
    schedules = ["adaptive", "fixed"]
else:  # other seeds, so that this is a separate experiment
    num_envs, seeds, budget, schedules = [512], range(100, 106), 65_536, ["adaptive"]


def minibatches(envs: int, keep: str) -> int:
    """Return how many minibatches a rollout is cut into."""
    return 4 if keep == "number" else envs * horizon // size


def train(envs: int, keep: str, schedule: str, seed: int) -> dict:
    """Train, and return the mean return of the saved policies against samples and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        curve = learn(
            "rsl_rl",
            num_envs=envs,
            horizon=horizon,
            minibatches=minibatches(envs, keep),
            seed=seed,
            until=500,
            stop=False,
            max_env_steps=budget,
            schedule=schedule,
            log_dir=folder,
            checkpoint_every=every // (envs * horizon),
        )
        returns = evaluate_checkpoints(folder, seed=1)
    return {
        "env_steps": [curve.env_steps[number] for number in returns],
        "cpu_seconds": [round(curve.cpu_seconds[number], 3) for number in returns],
        "wall_seconds": round(curve.wall_seconds[-1], 3),
        "returns": [round(mean, 1) for mean in returns.values()],
    }


arms = [
    (schedule, envs, keep)
    for schedule in schedules
    for envs in num_envs
    for keep in (["number"] if envs == few else ["number", "size"])
]
here = {" ".join(map(str, arm)): [] for arm in arms}
for seed in seeds:
    for schedule, envs, keep in arms:
        here[f"{schedule} {envs} {keep}"].append(train(envs, keep, schedule, seed))
record_measurement("runs", here)

# %%
# The score of a run is the mean return of its last four saved policies, because one policy says little.
# The interquartile mean over the seeds leaves out the best and the worst quarter of them.


def scores(runs: list[dict], samples: int) -> list[float]:
    """Return the mean return of the last four policies at a number of samples, for each seed."""
    return [
        float(
            np.mean(
                [
                    mean
                    for steps, mean in zip(
                        run["env_steps"], run["returns"], strict=True
                    )
                    if steps <= samples
                ][-4:]
            )
        )
        for run in runs
    ]


def seconds(runs: list[dict], samples: int) -> list[float]:
    """Return the CPU seconds until a number of samples, for each seed."""
    return [
        float(np.interp(samples, run["env_steps"], run["cpu_seconds"])) for run in runs
    ]


def reach(runs: list[dict], quantity: str) -> list[float | None]:
    """Return what each seed took to a policy that reaches the threshold; None is one that did not get there."""
    return [
        next(
            (
                value
                for value, mean in zip(run[quantity], run["returns"], strict=True)
                if mean >= threshold
            ),
            None,
        )
        for run in runs
    ]


def show(results: dict, samples: int) -> None:
    """Print each arm with its intervals."""
    for arm, runs in results.items():
        schedule, envs, keep = arm.split()
        lost = reach(runs, "env_steps").count(None)
        print(
            f"  {schedule:8} rate, {envs:>3} environments, {minibatches(int(envs), keep):2} minibatches:"
            f" return {interquartile_mean(scores(runs, samples)).show('{:.0f}'):>16},"
            f" {median_of(seconds(runs, samples)).show('{:.1f}'):>18} CPU s;"
            f" return {threshold} after {median_of(reach(runs, 'env_steps')).show('{:,.0f}'):>24} samples,"
            f" {median_of(reach(runs, 'cpu_seconds')).show('{:.1f}'):>17} CPU s"
            + f", {lost} of {len(runs)} seeds never"
            * bool(lost)
        )


recorded = read_recorded()
full, samples, source = here, budget, "here"
print(f"here, {len(seeds)} seeds, {budget:,} samples")
show(here, budget)
if recorded and not full_size():
    full, samples = recorded["measurements"]["runs"], 98_304
    source = f"recorded on {recorded['device']}, {recorded['date']}"
    print(f"{source}, {len(full['adaptive 512 size'])} seeds, {samples:,} samples")
    show(full, samples)

# %%
# The return of the saved policies against the samples: interquartile means over the
# seeds, with their 95 % intervals.

complete = "fixed 64 number" in full
titles = {
    "adaptive": "Adaptive learning rate: with 512 environments neither recipe keeps up with 64",
    "fixed": "Fixed learning rate: keeping the number of minibatches does not stagnate",
}
lines = {
    "64 number": ("fixed", ":", "64 environments, 4 minibatches of 256"),
    "512 number": ("per_env", "--", "512, number kept: 4 of 2,048"),
    "512 size": ("failure", "-", "512, size kept: 32 of 256"),
}
for schedule, title in titles.items() if complete else ():
    figure, axes = plots.figure(
        title=title, x="environment steps", y="mean return of the saved policy"
    )
    for arm, (role, style, label) in lines.items():
        runs = full[f"{schedule} {arm}"]
        steps = runs[0]["env_steps"]
        means = [
            interquartile_mean([run["returns"][at] for run in runs])
            for at in range(len(steps))
        ]
        colour = plots.COLOURS[role]
        axes.plot(
            steps, [mean.value for mean in means], style, color=colour, label=label
        )
        axes.fill_between(
            steps,
            [mean.low for mean in means],
            [mean.high for mean in means],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    axes.set_xticks(
        range(0, 100_000, 20_000), [f"{n:,}" for n in range(0, 100_000, 20_000)]
    )
    axes.set_ylim(0, 500)
    axes.legend(loc="upper left")
    plots.show(figure)

# %%
# The advice of `arXiv 2603.06009 <https://arxiv.org/abs/2603.06009>`__ is to keep the
# size of the minibatches and the learning rate, and to let their number grow.
# The seeds are paired: both recipes start from the same weights and the same states.


def difference(results: dict, one: str, other: str, samples: int) -> Estimate:
    """Return how much longer the policies of one arm balance, over the seeds."""
    pairs = zip(
        scores(results[one], samples), scores(results[other], samples), strict=True
    )
    return interquartile_mean([here - there for here, there in pairs])


def ratio(results: dict, schedule: str, quantity: str) -> Estimate:
    """Return what keeping the number takes, as a multiple of keeping the size."""
    return ratio_of_medians(
        *[
            reach(results[f"{schedule} 512 {keep}"], quantity)
            for keep in ("number", "size")
        ]
    )


def saved(results: dict, samples: int) -> Estimate:
    """Return the seconds for all samples where the number is kept, as a multiple."""
    return ratio_of_medians(
        *[
            seconds(results[f"adaptive 512 {keep}"], samples)
            for keep in ("number", "size")
        ]
    )


task = "cart-pole, RSL-RL, 512 environments instead of 64"
if complete:
    for schedule in titles:
        gap = difference(
            full, f"{schedule} 512 number", f"{schedule} 512 size", samples
        )
        claim(
            f"{task}, {schedule} learning rate: after {samples:,} samples, policies with the same number of"
            " minibatches balance for at most 50 steps less than those with the same size",
            gap.above(-50),
            f"{gap.show('{:+.0f}')} steps, {source}",
            question="B8",
            recorded=full is not here,
        )
    sooner = ratio(full, "fixed", "env_steps")
    cheaper = ratio(full, "fixed", "cpu_seconds")
    claim(
        f"{task}, fixed learning rate: a policy needs less CPU time to balance for {threshold} steps with the"
        " same number of minibatches than with the same size",
        cheaper.below(1),
        f"{cheaper.show('{:.2f}x')} the time, {sooner.show('{:.2f}x')} the samples, {source}",
        question="B8",
        recorded=full is not here,
    )
    for schedule, end in (("fixed", "more"), ("adaptive", "fewer")):
        for keep in ("number", "size"):
            gap = difference(
                full, f"{schedule} 512 {keep}", f"{schedule} 64 number", samples
            )
            claim(
                f"cart-pole, RSL-RL, {schedule} learning rate, the same {keep} of minibatches: after"
                f" {samples:,} samples, the policies of 512 environments balance for {end} steps than those of 64",
                gap.above(0) if end == "more" else gap.below(0),
                f"{gap.show('{:+.0f}')} steps, {source}",
                question="B8",
                recorded=full is not here,
            )
spared = saved(here, budget)
claim(
    f"{task}: the same number of minibatches takes less than half the CPU time that the same size takes for as"
    " many samples",
    spared.below(0.5),
    spared.show("{:.2f}x"),
    question="B8",
)
if full is not here:
    ours = difference(here, "adaptive 512 number", "adaptive 512 size", budget)
    theirs = difference(full, "adaptive 512 number", "adaptive 512 size", budget)
    claim(
        f"in this build, other seeds agree with the full-size run after {budget:,} samples: the intervals of the"
        " difference between the two recipes overlap",
        ours.low <= theirs.high and theirs.low <= ours.high,
        f"{ours.show('{:+.0f}')} steps here, {theirs.show('{:+.0f}')} {source}",
        question="B8",
    )

print(provenance())
