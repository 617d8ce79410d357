# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Where do more environments stop paying off?
===========================================

At some number, twice the environments no longer collect twice as much.
That number is very different for a cart-pole, a walking robot and a heap of objects.
A larger network changes it as well.
This example measures N½, the number at which the rate reaches half of its peak:
for stepping alone, with the policy, and with learning.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import Estimate, loop_splits
from stepscope.plan import CostModel

# %%
# Three environments of different cost, and the cheapest of them with a larger network.
# The same small training loop runs around each.
# All loops are measured in turns, an iteration of each.
# On a CPU the time is the processor time of one thread, without compilation.

on_gpu = torch.cuda.is_available()
scenes = "stepscope.envs.scenes:"
cases = {
    "cart-pole": {"env": "stepscope.envs:CartPole"},
    "cart-pole, larger network": {
        "env": "stepscope.envs:CartPole",
        "hidden": (512, 256, 128),
    },
    "quadruped": {"env": f"{scenes}quadruped"},
    "heap of objects": {"env": f"{scenes}pile", "options": {"substeps": 4}},
}
sizes = {
    "cart-pole": [1024, 32768, 1048576] if on_gpu else [64, 512, 4096, 16384],
    "cart-pole, larger network": [1024, 16384, 131072] if on_gpu else [64, 256, 1024],
    "quadruped": [256, 2048, 16384] if on_gpu else [1, 16, 64],
    "heap of objects": [256, 2048, 16384] if on_gpu else [1, 16, 64],
}

loops = {
    (name, n): {
        "num_envs": n,
        "hidden": (64,),
        **case,
        "horizon": 4,
        "epochs": 2,
        "minibatches": 2,
    }
    for name, case in cases.items()
    for n in sizes[name]
}
timed = loop_splits(loops, budget=6.0)
splits = {name: {n: timed.splits[name, n] for n in sizes[name]} for name in cases}
print(f"{len(timed.times.rounds)} rounds; {timed.times.disturbance}")
record_measurement(
    "seconds per vector step",
    {
        name: {
            n: {
                scope: [timing.low, timing.median, timing.high]
                for scope, timing in {
                    "step": each.stepping,
                    "rollout": each.rollout,
                    "total": each.total,
                }.items()
            }
            for n, each in found.items()
        }
        for name, found in splits.items()
    },
)

# %%
# Each scope has its own line, T(N) = a + b N, and N½ = a / b.
# The scopes are those of the rates that libraries print.

models = {
    name: {
        "step": CostModel.fit([(n, s.stepping.median) for n, s in found.items()]),
        "rollout": CostModel.fit([(n, s.rollout.median) for n, s in found.items()]),
        "total": CostModel.fit([(n, s.total.median) for n, s in found.items()]),
    }
    for name, found in splits.items()
}
half = {
    name: {scope: model.half_rate_num_envs for scope, model in each.items()}
    for name, each in models.items()
}
for name, each in models.items():
    for scope, model in each.items():
        print(
            f"{name:26} {scope:8} {1e6 * model.fixed:8.0f} us + {1e6 * model.per_env:8.3f} us x N,"
            f"  N½ = {model.half_rate_num_envs:8.0f},  peak {model.peak_rate:10.3g} env steps/s"
        )
    off = max(
        abs(s.total.median / each["total"].predict(n) - 1)
        for n, s in splits[name].items()
    )
    print(f"{name:26} no total is further than {100 * off:.0f} % from its line")

# %%
# The rate of training, as a share of the peak of its line.
# Where a point is off its curve, the line does not hold.

figure, axes = plots.figure(
    title=f"Half of the peak rate: at {half['heap of objects']['total']:,.0f} heaps,"
    f" {half['cart-pole']['total']:,.0f} cart-poles",
    x="number of environments",
    y="share of the peak rate of training (%)",
    log="x",
)
looks = {
    "cart-pole": ("o", "-", plots.COLOURS["per_env"]),
    "cart-pole, larger network": ("s", "--", plots.COLOURS["per_env"]),
    "quadruped": ("^", "-", plots.INK),
    "heap of objects": ("D", "-", plots.COLOURS["fixed"]),
}
for name, found in splits.items():
    marker, dash, colour = looks[name]
    model = models[name]["total"]
    axes.plot(
        list(found),
        [100 * n / each.total.median / model.peak_rate for n, each in found.items()],
        marker,
        color=colour,
    )
    line = [min(found) * (max(found) / min(found)) ** (i / 99) for i in range(100)]
    axes.plot(
        line,
        [100 * model.rate(n) / model.peak_rate for n in line],
        dash,
        color=colour,
        linewidth=1.3,
        label=name,
    )
axes.axhline(50, color=plots.MUTED, linestyle=":")
axes.set_ylim(0, 110)
axes.legend(loc="lower right")
plots.show(figure)

# %%
# Learning moves N½ if stepping is cheap, and hardly if the simulation takes nearly all of the time.

for name, each in half.items():
    print(
        f"{name:26} N½ of the total is {each['total'] / each['step']:.2f} times that of stepping"
    )

# %%
# Common advice, tested on this machine.
# Each round gives its own lines, and so an N½: the interval is that of the rounds.


def half_rate(seconds: dict, name: str, part: str) -> float:
    """Return N½ of a loop from the times of one round."""
    points = [(n, seconds[(name, n), part]) for n in sizes[name]]
    return CostModel.fit(points).half_rate_num_envs


def apart(one: tuple[str, str], other: tuple[str, str]) -> Estimate:
    """Return how many times as large N½ of one loop and part is as that of another."""
    return timed.times.estimate(
        lambda seconds: half_rate(seconds, *one) / half_rate(seconds, *other)
    )


few, many = min(sizes["quadruped"]), max(sizes["quadruped"])
faster = timed.times.estimate(
    lambda seconds: (
        many
        / few
        * seconds[("quadruped", few), "total"]
        / seconds[("quadruped", many), "total"]
    )
)
claim(
    f"{many} quadrupeds in MuJoCo Warp collect more environment steps per second than {few}",
    faster.above(1),
    f"{faster.show('{:.0f}')} times as many",
    question="C01",
)
for name in ("quadruped", "heap of objects"):
    ratio = apart(("cart-pole", "stepping"), (name, "stepping"))
    claim(
        f"Where returns diminish depends on the environment: N½ of stepping is larger for a cart-pole than for a {name}",
        ratio.above(1),
        f"{ratio.show('{:.0f}')} times as large",
        question="C03",
    )
ratio = apart(("cart-pole", "rollout"), ("cart-pole, larger network", "rollout"))
claim(
    "Where returns diminish depends on the policy: N½ of a rollout is larger with a small network than with a large one",
    ratio.above(1),
    f"{ratio.show('{:.0f}')} times as large",
    question="C03",
)
ratio = apart(("cart-pole", "stepping"), ("cart-pole", "total"))
claim(
    "Where returns diminish depends on the algorithm: N½ of stepping a cart-pole is larger than N½ with inference and learning",
    ratio.above(1),
    f"{ratio.show('{:.1f}')} times as large",
    question="C03",
)

print(provenance())
