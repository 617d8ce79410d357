# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Where does the time of an iteration go?
=======================================

An iteration steps the environments, asks the policy for actions, and then learns.
More environments save time only if the largest part of an iteration is a fixed cost.
This example splits the iterations of real training runs: RSL-RL and RL-Games on a cart-pole,
and RSL-RL on a walking robot with contacts.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import Estimate, all_of
from stepscope.train.experiments.timing import training_splits

# %%
# RSL-RL cuts each rollout into 4 minibatches, however many environments there are.
# RL-Games makes minibatches of 512 samples, so their number grows with the environments.
# All runs take turns in one process, and the second iteration of each is timed.
# On a CPU that is one thread's work, timed by what it takes of the processor.

on_gpu = torch.cuda.is_available()
horizon = 16
size = 16384 if on_gpu else 512
cart_poles = [1024, 8192, 65536] if on_gpu else [32, 256, 1024]
robots = [256, 1024, 4096] if on_gpu else [4, 16, 64]
runs = {
    ("RSL-RL, cart-pole", n): {"library": "rsl_rl", "num_envs": n, "minibatches": 4}
    for n in cart_poles
}
runs |= {
    ("RL-Games, cart-pole", n): {
        "library": "rl_games",
        "num_envs": n,
        "minibatches": n * horizon // size,
    }
    for n in cart_poles
}
runs |= {
    ("RSL-RL, quadruped", n): {
        "library": "rsl_rl",
        "num_envs": n,
        "minibatches": 4,
        "env": "stepscope.envs.scenes:quadruped",
    }
    for n in robots
}
runs = {name: run | {"horizon": horizon} for name, run in runs.items()}
times = training_splits(runs, budget=20.0, least=6)

# %%
# The time of an iteration and the share of each part, medians over the rounds.

parts = ("stepping", "inference", "learning")


def share(name: tuple[str, int], part: str) -> Estimate:
    """Return the share of a part in an iteration, with its interval."""
    return times.estimate(lambda seconds: seconds[name, part] / seconds[name, "total"])


shares = {name: {part: share(name, part) for part in parts} for name in runs}
totals = {name: times.seconds((name, "total")) for name in runs}
print(f"{len(times.rounds)} rounds; {times.disturbance}")
for (label, n), each in shares.items():
    total = totals[label, n].median
    print(
        f"{label:19} N = {n:5}  {1e3 * total:7.1f} ms an iteration"
        f"  {1e6 * total / (n * horizon):8.1f} us an environment step",
        *(f" {part} {each[part].show('{:.0%}')}" for part in parts),
    )
record_measurement(
    "share_of_an_iteration",
    {
        f"{label}, {n}": {
            "seconds": totals[label, n].median,
            **{part: [e.low, e.value, e.high] for part, e in each.items()},
        }
        for (label, n), each in shares.items()
    },
)

# %%
# The number above a bar is the time of one environment step.
# The whisker is the interval of the share of learning.

looks = {
    "stepping": {"color": plots.COLOURS["per_env"]},
    "inference": {
        "facecolor": "none",
        "edgecolor": plots.COLOURS["per_env"],
        "hatch": "///",
    },
    "learning": {"color": plots.INK},
}
learning = shares["RSL-RL, cart-pole", cart_poles[-1]]["learning"]
stepping = shares["RSL-RL, quadruped", robots[-1]]["stepping"]
figure, axes = plots.figure(
    title=f"Learning takes {learning.value:.0%} of the time with {cart_poles[-1]:,} cart-poles,"
    f" the simulation {stepping.value:.0%} with {robots[-1]:,} quadrupeds",
    x="environments",
    y="share of an iteration (%)",
)
labels = list(dict.fromkeys(label for label, _ in runs))
places = {}
for place, name in enumerate(runs):
    places[name] = place + 0.7 * labels.index(name[0])
for name, place in places.items():
    bottom = 0.0
    for part in parts:
        height = 100 * shares[name][part].value
        axes.bar(place, height, 0.75, bottom, **looks[part])
        bottom += height
    top = shares[name]["learning"]
    spread = [[100 * (top.high - top.value)], [100 * (top.value - top.low)]]
    axes.errorbar(place, 100 * (1 - top.value), spread, color=plots.MUTED, capsize=3)
    per_step = 1e6 * totals[name].median / (name[1] * horizon)
    text = f"{per_step / 1e3:.1f}\nms" if per_step >= 1e3 else f"{per_step:.0f}\nµs"
    axes.text(place, 102, text, ha="center")
for label in labels:
    own = [place for (other, _), place in places.items() if other == label]
    library, _, task = label.partition(", ")
    axes.text(
        sum(own) / len(own), 128, f"{library}\n{task}", ha="center", weight="bold"
    )
for part, look in looks.items():
    axes.bar(0, 0, label=part, **look)
axes.set_xticks(list(places.values()), [f"{n:,}" for _, n in places])
axes.set_yticks([0, 25, 50, 75, 100])
axes.set_ylim(0, 152)
axes.spines["left"].set_bounds(0, 100)
axes.grid(visible=False, axis="x")
figure.legend(loc="outside lower center", ncols=3)
plots.show(figure)

# %%
# Tested on this machine: the number of environments beyond which more do not pay depends on the part that they enlarge.

few, many = cart_poles[0], cart_poles[-1]
claim(
    f"with {many:,} cart-poles RSL-RL spends more than half of an iteration on learning",
    learning.above(0.5),
    learning.show("{:.0%}"),
    question="C03",
)
stepping = [shares["RSL-RL, quadruped", n]["stepping"] for n in robots]
claim(
    f"with {robots[0]} to {robots[-1]:,} quadrupeds it spends more than half on stepping",
    all_of(*[each.above(0.5) for each in stepping]),
    f"{stepping[0].show('{:.0%}')} to {stepping[-1].show('{:.0%}')}",
    question="C03",
)
grown = times.estimate(
    lambda seconds: (
        seconds[("RL-Games, cart-pole", many), "learning"]
        / seconds[("RL-Games, cart-pole", many), "total"]
        / seconds[("RL-Games, cart-pole", few), "learning"]
        * seconds[("RL-Games, cart-pole", few), "total"]
    )
)
claim(
    f"with {many // few} times the cart-poles, learning takes more than 1.5 times the share in RL-Games, which makes"
    " as many more minibatches",
    grown.above(1.5),
    grown.show("{:.1f}x"),
    question="C03",
)

print(provenance())
