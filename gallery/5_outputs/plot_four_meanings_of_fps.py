# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "wall"
"""
Four meanings of fps
====================

Each library divides the same environment steps by a different time.
This example trains the cart-pole with each of them and times each part itself:
around every step, around every rollout, around every iteration, and since the start.
Then it compares the printed rates with these times.
"""

from itertools import groupby
from statistics import mean, median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.logs import library_name, reads
from stepscope.measure import Estimate, all_of
from stepscope.train.experiments.timing import time_training

# %%
# One run of each library, each in its own process: the same environment, the same
# number of copies, the same horizon.  On a GPU the same script trains 4096 environments.

num_envs = 4096 if torch.cuda.is_available() else 256
iterations = {"rl_games": 10, "rsl_rl": 24, "skrl": 7, "sb3": 7}
runs = {
    library: time_training(
        library, num_envs=num_envs, iterations=count, env={"substeps": 10}
    )
    for library, count in iterations.items()
}
for library, run in runs.items():
    print(f"{library:9} {run.disturbance}")

# %%
# The four meanings, from our clocks alone, for every iteration.
# The cumulative rate is that of the moment of the print, for which
# Stable-Baselines3 does not wait until the update is over.

ours = {}
for library, run in runs.items():
    size = num_envs * run.horizon
    moments = [
        each.collected if library == "sb3" else each.ended for each in run.iterations
    ]
    ours[library] = {
        "step": [size / each.stepping for each in run.iterations],
        "rollout": [size / (each.collected - each.began) for each in run.iterations],
        "total": [size / (each.ended - each.began) for each in run.iterations],
        "cumulative": [n * size / moment for n, moment in enumerate(moments, start=1)],
    }

# %%
# The printed rates, each under its scope.  skrl's bar counts vector steps; its last
# rate is a mean over the whole run, so times the number of environments it is cumulative.

records, printed = {}, {}
for library, run in runs.items():
    rows = [row for row in reads(run.text) if row.kind in ("iteration", "progress")]
    rates = {
        scope: [getattr(row.fps, scope) for row in rows] for scope in ours[library]
    }
    records[library] = rows
    printed[library] = {
        scope: some for scope, some in rates.items() if None not in some
    }
printed["skrl"] = {"cumulative": [records["skrl"][-1].metrics["it/s"] * num_envs]}


def typical(scope: str, rates: list[float]) -> float:
    """Leave the first iteration out; a cumulative rate is the last one."""
    return rates[-1] if scope == "cumulative" else median(rates[1:])


clocks, said = (
    {
        library: {scope: typical(scope, some) for scope, some in rates.items()}
        for library, rates in source.items()
    }
    for source in (ours, printed)
)
for library, rates in clocks.items():
    for scope, rate in rates.items():
        print(f"{library:9} {scope:11} our clocks {rate:9,.0f}", end="   ")
        print(f"printed {said[library][scope]:9,.0f}" if scope in said[library] else "")
record_measurement(
    "env_steps_per_second",
    {"num_envs": num_envs, "our_clocks": clocks, "printed": said},
)

# %%
# Rings: our own timers. Dots: what the library printed.

names = {
    ("rl_games", "step"): "fps step",
    ("rl_games", "rollout"): "fps step and policy inference",
    ("rl_games", "total"): "fps total",
    ("rsl_rl", "total"): "Steps per second",
    ("skrl", "cumulative"): f"it/s x {num_envs}",
    ("sb3", "cumulative"): "fps",
}
apart = said["rl_games"]["step"] / said["sb3"]["cumulative"]
alike = clocks["rl_games"]["cumulative"] / clocks["sb3"]["cumulative"]

figure, axes = plots.figure(
    title=f"RL-Games' 'fps step' is {apart:.0f} times SB3's 'fps', "
    f"and its cumulative rate {alike:.1f} times",
    x="environment steps per second",
    y="",
    log="x",
)
figure.set_figheight(6.2)
beside = axes.get_yaxis_transform()
ticks = {}
for place, (library, rates) in enumerate(clocks.items()):
    top = -5.5 * place
    axes.text(0.01, top, library_name(library), transform=beside, weight="bold")
    for lane, (scope, rate) in enumerate(rates.items(), start=1):
        y = top - lane
        ticks[y] = scope
        axes.plot(rate, y, "o", ms=12, mfc="none", mec=plots.MUTED, mew=1.5)
        if scope in said[library]:
            shown = said[library][scope]
            axes.plot(shown, y, "o", ms=7, color=plots.COLOURS[library])
            left = scope == "step"
            axes.annotate(
                f"{names[library, scope]}: {float(f'{shown:.2g}'):,.0f}",
                (rate, y),
                xytext=(-13 if left else 10, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
            )
axes.set_yticks(list(ticks), list(ticks.values()))
axes.set_ylim(top=0.8)
axes.tick_params(axis="y", length=0)
axes.grid(visible=False, axis="y")
axes.margins(x=0.12)
fastest = max(rate for rates in clocks.values() for rate in rates.values())
axes.set_xlim(right=6 * fastest)  # room for the longest label
plots.show(figure)

# %%
# Each printed rate is the one of its scope, by our clocks, iteration by iteration.
# Both clocks cover the same time, so other load on the machine affects both.

agreements = {}
for library, rates in printed.items():
    for scope, some in rates.items():
        own = ours[library][scope][-len(some) :]
        ratios = [rate / clock for rate, clock in zip(some, own, strict=True)]
        # skrl's one rate is of its whole run, of seconds: there is nothing to take a median of.
        agreements[library, scope] = ratios[1:] or 6 * ratios
agreements = {key: Estimate.of(ratios) for key, ratios in agreements.items()}
largest = max(abs(each.value - 1) for each in agreements.values())
claim(
    "each rate that a library prints agrees with our clocks of its scope",
    all_of(*[each.between(0.8, 1.2) for each in agreements.values()]),
    f"{len(agreements)} rates, largest difference {largest:.0%}",
    question="B5",
)
ratios = {
    library: Estimate.of(
        [
            step / total
            for step, total in zip(rates["step"][1:], rates["total"][1:], strict=True)
        ]
    )
    for library, rates in ours.items()
}
smallest, largest = (
    pick(ratios.values(), key=lambda each: each.value) for pick in (min, max)
)
claim(
    "in every library's run the step rate is more than 1.5 times the total rate",
    all_of(*[each.above(1.5) for each in ratios.values()]),
    f"{smallest.show('{:.0f}')} to {largest.show('{:.0f}')} times",
    question="B5",
)
# Each run is compared with its own cumulative rate, so that two moments of the machine are not compared.
beyond = Estimate.of(
    [
        (rate / clocks["rl_games"]["cumulative"])
        / (said["sb3"]["cumulative"] / clocks["sb3"]["cumulative"])
        for rate in printed["rl_games"]["step"][1:]
    ]
)
claim(
    "RL-Games' fps step over SB3's fps is more than 1.5 times the ratio of one scope",
    beyond.above(1.5),
    f"{beyond.show('{:.0f}')} times; {apart:.0f}x as printed, {alike:.1f}x between their cumulative rates",
    question="B5",
)

# %%
# The first rate is not typical
# -----------------------------
#
# The first rollout includes all one-time work, so its rate is low.
# Stable-Baselines3 prints its first table before the first update, so its rate is high.

series = {
    "rl_games": printed["rl_games"]["rollout"],
    "rsl_rl": printed["rsl_rl"]["total"],
    "sb3": printed["sb3"]["cumulative"],
}
first = {library: rates[0] / median(rates[1:]) for library, rates in series.items()}

figure, axes = plots.figure(
    title=f"The first number is {first['rl_games']:.1f} times the later ones in RL-Games, "
    f"{first['sb3']:.0f} times in Stable-Baselines3",
    x="iteration, counted from 1",
    y="printed rate / median of the later ones",
    log="y",
)
looks = {
    "rl_games": ("fps step and policy inference", "o-"),
    "rsl_rl": ("Steps per second", "s-"),
    "sb3": ("fps", "D-"),
}
for library, rates in series.items():
    name, style = looks[library]
    relative = [rate / median(rates[1:]) for rate in rates[:7]]
    axes.plot(
        range(1, len(relative) + 1),
        relative,
        style,
        color=plots.COLOURS[library],
        label=f"{library_name(library)}: {name}",
    )
axes.legend(loc="upper right")
plots.show(figure)

# %%
# A run has only one first rate; other load on the machine may have changed it, which counts in the verdict.

against = {
    library: Estimate.of(
        [rates[0] / rate for rate in rates[1:]],
        disturbance=runs[library].disturbance,
        exposed=True,
    )
    for library, rates in series.items()
}
claim(
    "RL-Games' first rate with inference is lower than what it prints later",
    against["rl_games"].below(1),
    f"{against['rl_games'].show()} of a later one",
    question="B6",
)
claim(
    "Stable-Baselines3's first fps is higher than what it prints later",
    against["sb3"].above(1),
    f"{against['sb3'].show('{:.1f}')} times a later one",
    question="B6",
)

# %%
# The mean reward covers 100 episodes
# -----------------------------------
#
# RSL-RL's ``Mean reward`` is the mean of the last 100 episodes that have ended.
# Every step of the cart-pole is worth 1, so the length of an episode is its return.
# We know all episodes, so we can also follow those that *began* in an iteration.

horizon, episodes = runs["rsl_rl"].horizon, runs["rsl_rl"].episodes
rewards = {row.iteration: row.reward for row in records["rsl_rl"]}

last_100, reached = {}, {}
for iteration in rewards:
    before, after = iteration * horizon, (iteration + 1) * horizon
    ended = [end - start for start, end in episodes if end <= after]
    last_100[iteration] = mean(ended[-100:])
    # An episode lasts 500 steps at most: what began early enough has ended.
    if after + 500 <= len(rewards) * horizon:
        began = [end - start for start, end in episodes if before <= start < after]
        reached[iteration] = mean(began)

worst = max(reached, key=lambda iteration: reached[iteration] / rewards[iteration])
figure, axes = plots.figure(
    title=f"In iteration {worst} RSL-RL printed {rewards[worst]:.0f}; "
    f"the episodes that began then lasted {reached[worst]:.0f}",
    x="learning iteration",
    y="steps in an episode = its return",
)
axes.plot(
    list(reached),
    list(reached.values()),
    "o-",
    color=plots.INK,
    label="all that began in the iteration",
)
axes.plot(
    list(rewards),
    list(rewards.values()),
    "s--",
    color=plots.COLOURS["rsl_rl"],
    label="printed: the last 100 that ended",
)
axes.set_ylim(bottom=0)
axes.legend(loc="lower right")
plots.show(figure)

# %%
# Early in training, the episodes that end are those that failed soonest; the better ones
# have not ended yet.  With many environments, 100 are also a small part of those that end.

off = max(abs(reward - last_100[number]) for number, reward in rewards.items())
claim(
    "RSL-RL's mean reward is the mean of the last 100 finished episodes",
    off < 0.01,
    f"largest difference {off:.3f} in {len(rewards)} iterations",
    question="B7",
)
misled = reached[worst] / rewards[worst]
claim(
    "early in training RSL-RL's mean reward is less than two thirds of what the episodes"
    " that begin then reach",
    misled > 1.5,
    f"{rewards[worst]:.0f} printed, {reached[worst]:.0f} reached: {misled:.1f}x",
    question="B7",
)
second = sum(horizon < end <= 2 * horizon for _, end in episodes)
claim(
    "100 episodes are less than half of those that end in the second iteration",
    second > 200,
    f"100 of {second}",
    question="B7",
)

# %%
# RL-Games also prints a mean, but only if it is a new best.  There the episodes that end in a
# vector step count with their share of 100, and all earlier ones with the rest.

value, weight, fading = 0.0, 0, {}
for end, ended in groupby(runs["rl_games"].episodes, key=lambda episode: episode[1]):
    lengths = [end - start for start, _ in ended]
    new = min(len(lengths), 100)
    old = min(100 - new, weight)
    value = (value * old + mean(lengths) * new) / (old + new)
    weight = old + new
    fading[-(-end // horizon)] = value  # under its epoch, where the last one stays

differences, epoch = [], 0
for record in reads(runs["rl_games"].text):
    if record.kind == "iteration":
        epoch = record.iteration
    elif record.kind == "best_reward":
        differences.append(abs(record.reward - fading[epoch]))
claim(
    "RL-Games' best reward is an exponential moving average over about 100 episodes",
    max(differences) < 0.01,
    f"largest difference {max(differences):.4f} in {len(differences)} best rewards",
    question="B7",
)

print(provenance())
