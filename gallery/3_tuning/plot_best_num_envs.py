# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Can a short measurement predict the best number of environments?
================================================================

Two numbers decide it, and both are measured in seconds.
Below N½ environments, another environment costs no time; beyond B_noise / H environments,
it brings no progress.
The best number is predicted to be their geometric mean.
This example measures both with RSL-RL and compares the prediction with whole training runs.
"""

import contextlib
import io
import itertools
import math
import tempfile
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.evidence import (
    claim,
    provenance,
    read_recorded,
    record_measurement,
)
from stepscope.measure import Estimate
from stepscope.plan import CostModel
from stepscope.plan.critical_batch import CriticalBatch, best_num_envs, noise_scale
from stepscope.train import rsl_rl
from stepscope.train.experiments.learning import learn, median_of, ratio_of_medians

horizon = 16
torch.set_num_threads(1)
on_gpu = torch.cuda.is_available()
folder = tempfile.mkdtemp()

# %%
# The gradient noise scale
# ------------------------
#
# A batch of B samples has a gradient whose squared length is \|G\|² + tr(Σ) / B on average.
# Two batch sizes give both unknowns, and B_noise = tr(Σ) / \|G\|²
# (`McCandlish et al. 2018 <https://arxiv.org/abs/1812.06162>`__, appendix A.1).
#
# RSL-RL's own PPO computes the gradients.
# They are taken where it clips them, first those of the actor and then those of the
# critic, and the policy is put back each time, so that all are gradients of one policy.

Clip = Callable[[list[torch.nn.Parameter], float], object]
clip_gradients = torch.nn.utils.clip_grad_norm_


def train(envs: int, iterations: int, seed: int, clip: Clip, **settings: int) -> None:
    """Train with RSL-RL, and clip gradients with our own function."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        mock.patch("torch.nn.utils.clip_grad_norm_", clip),
    ):
        rsl_rl.train(
            CartPole(envs, device=None),
            iterations=iterations,
            horizon=horizon,
            seed=seed,
            log_dir=tempfile.mkdtemp(dir=folder),
            **settings,
        )


def train_policies(stages: list[int], seed: int) -> dict[int, list]:
    """Return the weights of actor and critic after so many iterations each."""
    epochs, minibatches = 5, 4
    policies = {stage: [[], []] for stage in stages}
    calls = itertools.count()

    def clip(parameters: list[torch.nn.Parameter], limit: float) -> None:
        update, network = divmod(next(calls), 2)
        iteration, first = divmod(update, epochs * minibatches)
        parameters = list(parameters)
        if iteration in policies and first == 0:  # before the next update of it
            weights = [weight.detach().clone() for weight in parameters]
            policies[iteration][network] = weights
        clip_gradients(parameters, limit)

    train(128, max(stages) + 1, seed, clip, epochs=epochs, minibatches=minibatches)
    return policies


def squared_length(policy: list, envs: int, rollouts: int, seed: int) -> float:
    """Return the mean squared length of the actor's gradient over some rollouts."""
    skipped = 5  # the first episodes are all in step with one another
    lengths = []
    calls = itertools.count()

    def clip(parameters: list[torch.nn.Parameter], _: float) -> None:
        rollout, network = divmod(next(calls), 2)
        parameters = list(parameters)
        if network == 0 and rollout >= skipped:
            gradients = [weight.grad.flatten() for weight in parameters]
            lengths.append(float(torch.cat(gradients).square().sum()))
        for weight, kept in zip(parameters, policy[network], strict=True):
            weight.data.copy_(kept)
            weight.grad.zero_()

    # One pass over each rollout and one minibatch of it: one gradient.
    train(envs, skipped + rollouts, seed, clip, epochs=1, minibatches=1)
    return sum(lengths) / len(lengths)


# %%
# A training run to a mean reward of 100 takes about 16 iterations with 128 environments.
# The prediction takes the policy in the middle, after 8.
# The start and the end show how much that choice matters.

stages, few, many = [1, 8, 16], 16, 128
middle = stages[1]
noise = {stage: [] for stage in stages}
for seed in range(6):
    for stage, policy in train_policies(stages, seed).items():
        small = squared_length(policy, few, 32, seed + 1000)
        large = squared_length(policy, many, 8, seed + 2000)
        noise[stage].append(
            noise_scale((few * horizon, small), (many * horizon, large))
        )
for stage, scales in noise.items():
    shown = Estimate.of(scales).show("{:,.0f}")
    print(f"after {stage:2} iterations: B_noise = {shown} samples")

# %%
# The cost model
# --------------
#
# A few iterations with few and with many environments give T(N) = a + b N.


def iteration_seconds(envs: int) -> float:
    """Return the median time of an iteration."""
    curve = learn(
        "rsl_rl",
        num_envs=envs,
        horizon=horizon,
        minibatches=4,
        seed=0,
        until=math.inf,
        max_env_steps=8 * horizon * envs,
    )
    clock = curve.wall_seconds if on_gpu else curve.cpu_seconds
    return float(np.median(np.diff(clock)))


cost = CostModel.fit(
    [(envs, iteration_seconds(envs)) for envs in (16, 1024) for _ in range(2)]
)
half = cost.half_rate_num_envs
scales = Estimate.of(noise[middle])
best = Estimate.of([best_num_envs(cost, scale, horizon) for scale in noise[middle]])
print(f"T(N) = {1e3 * cost.fixed:.0f} ms + {1e6 * cost.per_env:.0f} us x N")
print(f"N½ = {half:,.0f} environments")
print(f"B_noise / H = {scales.value / horizon:,.0f} environments")
print(f"predicted best: {best.show('{:,.0f}')} environments")
record_measurement("noise_scale_after", noise)
record_measurement("cost_seconds", {"fixed": cost.fixed, "per_env": cost.per_env})
record_measurement(
    "best_num_envs", {"low": best.low, "median": best.value, "high": best.high}
)

# %%
# Whole training runs
# -------------------
#
# Another example of this chapter, "Do more environments save time, or samples?", trained
# with each number of environments until a mean reward of 100, with 8 seeds each, and its
# result was recorded.
# A copy of this script without that result trains with three of them.

reward = 100


def train_until_reward(envs: int, seed: int) -> dict[str, float | None]:
    """Train until the reward, and return what that took."""
    curve = learn(
        "rsl_rl",
        num_envs=envs,
        horizon=horizon,
        minibatches=4,
        seed=seed,
        until=reward,
        max_env_steps=150 * horizon * envs,
    )
    clock = curve.wall_seconds_to if on_gpu else curve.cpu_seconds_to
    return {"iterations": curve.iterations_to(reward), "seconds": clock(reward)}


recorded = read_recorded("3_tuning/plot_envs_against_wall_clock")
if recorded:
    print(f"recorded on {recorded['device']}, {recorded['date']}")
    trainings = recorded["measurements"]["runs"]["rsl_rl"]
    trainings = {int(envs): runs for envs, runs in trainings.items()}
else:
    trainings = {
        envs: [train_until_reward(envs, seed) for seed in range(4)]
        for envs in (32, 128, 512)
    }
seconds = {envs: [run["seconds"] for run in runs] for envs, runs in trainings.items()}
took = {envs: median_of(each) for envs, each in seconds.items()}
iterations = {
    envs: median_of([run["iterations"] for run in runs]).value
    for envs, runs in trainings.items()
}
hindsight = CriticalBatch.fit(
    [(envs * horizon, count) for envs, count in iterations.items() if count < math.inf]
)
fastest = min(took, key=lambda envs: took[envs].value)
nearest = min(took, key=lambda envs: abs(math.log(envs / best.value)))
for envs, time in took.items():
    print(
        f"{envs:5} environments: {time.show('{:.2f}')} s"
        + ", the least" * (envs == fastest)
        + ", nearest to the prediction" * (envs == nearest)
    )
print(f"B_noise in hindsight: {hindsight.noise_scale:,.0f} samples")

# %%
# The prediction gives the shape of the curve but not its height, which depends on the
# least number of iterations.

figure, axes = plots.figure(
    title=f"A short measurement predicts {best.value:.0f} environments,"
    f" and {fastest} took the least time",
    x="environments",
    y=f"CPU seconds to a mean reward of {reward}",
    log="xy",
)
known = {envs: time for envs, time in took.items() if time.value < math.inf}
middles = np.array([time.value for time in known.values()])
axes.errorbar(
    list(known),
    middles,
    [
        [time.value - time.low for time in known.values()],
        [min(time.high, 4 * time.value) - time.value for time in known.values()],
    ],
    fmt="o",
    color=plots.COLOURS["rsl_rl"],
    capsize=3,
    label="training runs, median and 95 % interval",
)


def shape(envs: float) -> float:
    """Return the predicted time up to a factor."""
    curve = CriticalBatch(least_steps=1.0, noise_scale=scales.value)
    return curve.predict(envs * horizon) * cost.predict(envs)


line = np.geomspace(min(known), max(known), 100)
height = np.exp(np.mean(np.log(middles / [shape(envs) for envs in known])))
axes.plot(
    line,
    [height * shape(envs) for envs in line],
    "--",
    color=plots.INK,
    label="predicted shape",
)
axes.axvspan(best.low, best.high, color=plots.MUTED, alpha=0.3, label="predicted best")
axes.legend()
plots.show(figure)

# %%
# The prediction, checked.

slower = ratio_of_medians(seconds[nearest], seconds[fastest])
claim(
    "RSL-RL's best number of environments follows from the gradient noise scale and the cost model:"
    " training with it takes at most 1.25 times as long as with the best of all numbers that were tried",
    slower.below(1.25),
    f"{slower.show('{:.2f}x')}; predicted {best.show('{:,.0f}')}, nearest tried {nearest}, best {fastest}",
    question="B10",
)
ratio = Estimate.of([scale / hindsight.noise_scale for scale in noise[middle]])
claim(
    "the noise scale of the gradients, halfway through, is that of the training runs within a factor of 3",
    ratio.between(1 / 3, 3),
    ratio.show("{:.1f}x"),
    question="B10",
)
grown = Estimate.of(
    [
        late / early
        for early, late in zip(noise[stages[0]], noise[stages[-1]], strict=True)
    ]
)
print(
    f"after {stages[-1]} iterations the noise scale is {grown.show('{:.1f}x')} that after {stages[0]}"
)

print(provenance())
