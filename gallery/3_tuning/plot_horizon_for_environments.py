# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Does a longer horizon make up for fewer environments?
=====================================================

A rollout is environments times horizon, so few environments with a long horizon make the same batch as many with a
short one.
This example trains the cart-pole with RSL-RL on the same batch, divided in several ways.
"""

import math
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from stepscope import plots
from stepscope.envs import CartPole
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
# Each batch has 2,048 samples in 4 minibatches, and each run takes 49,152 samples: 24 iterations with the same number
# of updates, whatever the division.
# What differs is how long each environment runs: 32 of them take 1,536 steps, 1,024 take 48.
# After the run each saved policy takes its mean action from the same 64 start states: 500 steps is perfect.

batch, budget, every = 2048, 49_152, 8192
if full_size():
    divisions, seeds = [32, 128, 512, 1024], range(8)
else:  # other seeds, so that this is a separate experiment
    divisions, seeds = [32, 1024], range(100, 106)


class Counted(CartPole):
    """The cart-pole, which notes how many of its episodes end in each step."""

    def __init__(self, num_envs: int, **settings: object) -> None:
        super().__init__(num_envs, **settings)
        self.ended = []

    def step(self, actions: torch.Tensor) -> tuple:
        """Take a step."""
        result = super().step(actions)
        if not torch.is_inference_mode_enabled():  # there it calls itself once more
            self.ended.append(int((result[2] | result[3]).sum()))
        return result


def busiest(ended: list[int]) -> float | None:
    """Return which share of the episodes of the last 200 steps ended in the busiest 8."""
    if len(ended) < 200:
        return None
    stretches = np.reshape(ended[-200:], (-1, 8)).sum(1)
    return round(float(stretches.max() / stretches.sum()), 3)


def train(
    env: Counted,
    horizon: int,
    seed: int,
    samples: int,
    make_env: Callable | None = None,
    **settings: object,
) -> dict:
    """Train; return what the saved policies collect, and how many episodes ended when."""
    with tempfile.TemporaryDirectory() as folder:
        curve = learn(
            "rsl_rl",
            num_envs=env.num_envs,
            horizon=horizon,
            seed=seed,
            until=math.inf,
            stop=False,
            max_env_steps=samples,
            env=env,
            log_dir=folder,
            checkpoint_every=every // (env.num_envs * horizon),
            **settings,
        )
        returns = evaluate_checkpoints(folder, seed=1, make_env=make_env)
    return {
        "env_steps": [curve.env_steps[number] for number in returns],
        "cpu_seconds": round(curve.cpu_seconds[-1], 3),
        "wall_seconds": round(curve.wall_seconds[-1], 3),
        "returns": [round(mean, 2) for mean in returns.values()],
        "busiest": busiest(env.ended),
    }


here = {str(envs): [] for envs in divisions}
for seed in seeds:
    for envs in divisions:
        env = Counted(envs, seed=seed)
        here[str(envs)].append(train(env, batch // envs, seed, budget, minibatches=4))
record_measurement("runs", here)

# %%
# A second experiment: 256 environments with rollouts of 8 steps, whose episodes all last 200 steps.
# A pole that falls does not end them: the reward is the cosine of its angle, and gravity is weak, so that it can be
# caught again.
# They start in the same step, so they also end in the same step.
# ``init_at_random_ep_len`` of RSL-RL's runner gives each first episode a random age.


class Endless(Counted):
    """A cart-pole that goes on after it has fallen, and is rewarded for an upright pole."""

    def __init__(self, num_envs: int, **settings: object) -> None:
        super().__init__(
            num_envs,
            angle_limit=1e6,
            track_half_length=1e6,
            episode_length=200,
            gravity=1.0,
            force_limit=5.0,
            **settings,
        )

    def step(self, actions: torch.Tensor) -> tuple:
        """Take a step."""
        seen, _, terminated, truncated, info = super().step(actions)
        cart, speed, angle, spin = seen.unbind(1)
        turned = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
        seen = torch.stack(
            [cart.clamp(-5, 5), speed.clamp(-5, 5), turned, spin.clamp(-10, 10)], 1
        )
        upright = torch.cos(info["final_obs"][:, 2])
        return seen, upright, terminated, truncated, info


few_seeds = seeds if full_size() else range(100, 101)
starts = {"in step": False, "staggered": True}
in_step = {start: [] for start in starts}
for seed in few_seeds:
    for start, random_ages in starts.items():
        in_step[start].append(
            train(
                Endless(256, seed=seed),
                8,
                seed,
                2048 * 42,
                make_env=Endless,
                minibatches=2,
                init_at_random_ep_len=random_ages,
            )
        )
record_measurement("in_step", in_step)

# %%
# The score of a run is the mean return of its last three saved policies, and in the
# second experiment of the seven that belong to the last 200 steps.
# The interquartile mean over the seeds leaves out the best and the worst quarter of them.


def scores(runs: list[dict], policies: int = 3) -> list[float]:
    """Return the mean return of the last saved policies of each seed."""
    return [sum(run["returns"][-policies:]) / policies for run in runs]


def each_seed(runs: list[dict], quantity: str) -> list[float]:
    """Return a quantity of each seed."""
    return [run[quantity] for run in runs]


def difference(one: list[float], other: list[float]) -> Estimate:
    """Return how much more one arm has, paired by seed."""
    return interquartile_mean(
        [more - less for more, less in zip(one, other, strict=True)]
    )


def show(by_division: dict, by_start: dict) -> None:
    """Print each arm with its intervals."""
    for envs, runs in by_division.items():
        print(
            f"  {envs:>5} environments x {batch // int(envs):3} steps:"
            f" return {interquartile_mean(scores(runs)).show('{:.0f}'):>16},"
            f" {median_of(each_seed(runs, 'cpu_seconds')).show('{:.1f}'):>16} CPU s"
        )
    for start, runs in by_start.items():
        upright = [score / 200 for score in scores(runs, policies=7)]
        print(
            f"  episodes of 200 steps, {start:9}: {max(each_seed(runs, 'busiest')):4.0%} of"
            f" them end in the busiest rollout; reward of a step"
            f" {interquartile_mean(upright).show('{:.2f}')}"
        )


recorded = read_recorded()
full, full_in_step, source = here, in_step, "here"
print(f"here, {len(seeds)} seeds")
show(here, in_step)
if recorded and not full_size():
    full = recorded["measurements"]["runs"]
    full_in_step = recorded["measurements"]["in_step"]
    source = f"recorded on {recorded['device']}, {recorded['date']}"
    print(f"{source}, {len(full['32'])} seeds")
    show(full, full_in_step)

# %%
# Every dot is a seed, the line their interquartile mean with its 95 % interval.

figure, axes = plots.figure(
    title="The same batch: horizons of 2 and 4 learn less, however many environments"
    " make up for them",
    x="environments, x horizon = 2,048 samples",
    y="mean return of the last saved policies",
    log="x",
)
counts = [int(envs) for envs in full]
means = [interquartile_mean(scores(runs)) for runs in full.values()]
axes.fill_between(
    counts,
    [mean.low for mean in means],
    [mean.high for mean in means],
    color=plots.COLOURS["per_env"],
    alpha=0.15,
    linewidth=0,
)
axes.plot(counts, [mean.value for mean in means], color=plots.COLOURS["per_env"])
for envs, runs in full.items():
    axes.plot(
        [int(envs)] * len(runs),
        scores(runs),
        "o",
        color=plots.COLOURS["per_env"],
        markersize=4,
        alpha=0.5,
    )
if full is not here:
    axes.plot(
        [int(envs) for envs in here],
        [interquartile_mean(scores(runs)).value for runs in here.values()],
        "D",
        markersize=9,
        markerfacecolor="none",
        color=plots.INK,
        label="other seeds, this build",
    )
    axes.legend(loc="upper right")
axes.set_xticks(counts, [f"{envs:,}\nx {batch // envs}" for envs in counts])
axes.minorticks_off()
axes.set_ylim(0, 500)
plots.show(figure)

# %%
# The second experiment: the reward of a step, of policies that start with an upright pole.

if len(full_in_step["staggered"]) > 1:
    figure, axes = plots.figure(
        title="In step, the policy forgets how episodes begin before all of them begin again",
        x="environment steps",
        y="mean reward of a step (1: upright)",
    )
    for start, style, role in (
        ("in step", "-", "per_env"),
        ("staggered", "--", "failure"),
    ):
        runs, colour = full_in_step[start], plots.COLOURS[role]
        steps = runs[0]["env_steps"]
        means = [
            interquartile_mean([run["returns"][at] / 200 for run in runs])
            for at in range(len(steps))
        ]
        axes.plot(
            steps, [mean.value for mean in means], style, color=colour, label=start
        )
        axes.fill_between(
            steps,
            [mean.low for mean in means],
            [mean.high for mean in means],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    axes.axvline(256 * 200, color=plots.MUTED, linestyle=":")
    axes.text(
        256 * 202,
        -0.35,
        "in step, all episodes\nend here",
        color=plots.MUTED,
    )
    axes.set_ylim(-0.4, 1.05)
    axes.set_xticks(
        range(0, 100_000, 20_000), [f"{n:,}" for n in range(0, 100_000, 20_000)]
    )
    axes.legend(title="first episodes", loc="lower left")
    plots.show(figure)

# %%
# Common advice, tested.

task = "cart-pole, RSL-RL, the same batch of 2,048 samples"
long = difference(scores(full["32"]), scores(full["1024"]))
claim(
    f"{task}: after {budget:,} samples the policies of 32 environments with a horizon of 64 balance"
    " longer than those of 1,024 with a horizon of 2",
    long.above(0),
    f"{long.show('{:+.0f}')} steps, {source}",
    question="C13",
    recorded=full is not here,
)
if "512" in full:
    kept = difference(scores(full["32"]), scores(full["128"]))
    claim(
        f"{task}: a quarter of the environments with 4 times the horizon, 32 x 64 instead of 128 x 16,"
        " balances for no more than 50 steps less",
        kept.above(-50),
        f"{kept.show('{:+.0f}')} steps, {source}",
        question="C13",
        recorded=full is not here,
    )
    shorter = difference(scores(full["512"]), scores(full["128"]))
    claim(
        f"{task}: 512 environments with a horizon of 4 balance for fewer steps than 128 with a horizon"
        " of 16",
        shorter.below(0),
        f"{shorter.show('{:+.0f}')} steps, {source}",
        question="C13",
        recorded=full is not here,
    )
dearer = ratio_of_medians(
    *[each_seed(here[envs], "cpu_seconds") for envs in ("32", "1024")]
)
claim(
    f"{task}: 32 environments with a horizon of 64 take more of one CPU thread than 1,024 with a"
    " horizon of 2, for as many samples and updates",
    dearer.above(1),
    dearer.show("{:.2f}x"),
    question="C13",
)
if full is not here:
    ours = difference(scores(here["32"]), scores(here["1024"]))
    claim(
        "other seeds in this build agree with the full size: the intervals of the difference between"
        " 32 x 64 and 1,024 x 2 overlap",
        ours.low <= long.high and long.low <= ours.high,
        f"{ours.show('{:+.0f}')} steps here, {long.show('{:+.0f}')} {source}",
        question="C13",
    )

together, apart = (each_seed(in_step[start], "busiest") for start in starts)
claim(
    "256 cart-poles whose episodes all last 200 steps stay in step: all of them end in the same"
    " rollout of 8 steps; with init_at_random_ep_len of RSL-RL's runner less than a sixth does",
    min(together) == 1 and max(apart) < 1 / 6,
    f"{min(together):.0%}, and at most {max(apart):.0%}",
    question="B11",
)
failing = max(each_seed(here["32"], "busiest"))
claim(
    "ordinary cart-poles, whose episodes end when the pole falls, get out of step by themselves:"
    " at most half of the episodes of 200 steps end in the same 8 steps",
    failing <= 1 / 2,
    f"at most {failing:.0%}",
    question="B11",
)
if len(full_in_step["staggered"]) > 1:
    fresh, old, again = (
        [run["returns"][run["env_steps"].index(samples)] / 200 for run in runs]
        for runs in [full_in_step["in step"]]
        for samples in (256 * 72, 256 * 168, 256 * 296)
    )
    lost, won = difference(old, fresh), difference(again, old)
    claim(
        "cart-poles whose episodes of 200 steps are in step, rollouts of 8 steps: the policy forgets. It"
        " collects less after 168 steps than after 72",
        lost.below(0),
        f"{lost.show('{:+.2f}')} a step of at most 1, {source}",
        question="B11",
        recorded=full is not here,
    )
    claim(
        "the same cart-poles learn again once all episodes have started anew: after 296 steps the policy"
        " collects more than after 168",
        won.above(0),
        f"{won.show('{:+.2f}')} a step of at most 1, {source}",
        question="B11",
        recorded=full is not here,
    )
    gain = difference(
        *[
            [score / 200 for score in scores(full_in_step[start], policies=7)]
            for start in ("staggered", "in step")
        ]
    )
    claim(
        "the same cart-poles: over the last 200 steps the policies collect more after a staggered start",
        gain.above(0),
        f"{gain.show('{:+.2f}')} a step of at most 1, {source}",
        question="B11",
        recorded=full is not here,
    )

print(provenance())
