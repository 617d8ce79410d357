# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
How much faster does each change make training?
===============================================

Fewer epochs, a smaller network, a larger timestep: each makes an iteration shorter, if it changes what limits the run.
This example times one change at a time, in a run that spends most of its time on learning
and in two that spend it on simulation.
It measures speed only: some of these changes cost stability, and others change what is learned.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import loop_splits

# %%
# Each pair runs the same small PPO loop, before and after the change.
# All loops are timed in turns, an iteration of each.
# On a CPU the time is the processor time of one thread.

on_gpu = torch.cuda.is_available()
scenes = "stepscope.envs.scenes:"
many = 4096 if on_gpu else 16
usual = {"horizon": 4, "hidden": (64,), "epochs": 1, "minibatches": 4}
learner = {
    **usual,
    "env": "stepscope.envs.bottlenecks:light",
    "num_envs": 65536 if on_gpu else 256,
    "hidden": (256, 256),
    "epochs": 2,
}
cartpole = {**usual, "env": "stepscope.envs:CartPole", "num_envs": 64}
quadruped = {**usual, "env": f"{scenes}quadruped", "num_envs": many}
heap = {**usual, "env": f"{scenes}pile", "num_envs": many}
solver = {"substeps": 4, "solver": "cg"}
CHANGES = {
    "half the epochs": (learner, {**learner, "epochs": 1}),
    "a quarter of the network's width": (learner, {**learner, "hidden": (64, 64)}),
    "1 minibatch instead of 4": (learner, {**learner, "minibatches": 1}),
    "16 minibatches instead of 4": (learner, {**learner, "minibatches": 16}),
    "4 times the horizon": (cartpole, {**cartpole, "horizon": 16}),
    "twice the timestep": (
        {**quadruped, "options": {"timestep": 0.005, "substeps": 4}},
        {**quadruped, "options": {"timestep": 0.01, "substeps": 2}},
    ),
    "a fifth of the iterations, CG": (
        {**heap, "options": {**solver, "iterations": 20}},
        {**heap, "options": {**solver, "iterations": 4}},
    ),
    "a fifth of the iterations, Newton": (
        {**heap, "options": {"substeps": 4, "iterations": 20}},
        {**heap, "options": {"substeps": 4, "iterations": 4}},
    ),
    "10 times the room for contacts": (
        {**quadruped, "options": {"nconmax": 24, "njmax": 96}},
        {**quadruped, "options": {"nconmax": 240, "njmax": 960}},
    ),
}
loops = {
    (name, when): loop
    for name, pair in CHANGES.items()
    for when, loop in zip(("before", "after"), pair, strict=True)
}
timed = loop_splits(loops, budget=5.0)
print(f"{len(timed.times.rounds)} rounds; {timed.times.disturbance}")
speedups = {
    name: timed.times.estimate(
        lambda seconds, name=name: (
            seconds[(name, "before"), "total"] / seconds[(name, "after"), "total"]
        )
    )
    for name in CHANGES
}
for name, speedup in speedups.items():
    before, after = (
        timed.splits[name, when].total.median for when in ("before", "after")
    )
    print(
        f"{name:34} {1e3 * before:7.2f} ms -> {1e3 * after:7.2f} ms a vector step,"
        f"  {speedup.show('{:.2f}')} times as fast"
    )
record_measurement(
    "seconds per vector step",
    {
        name: [timed.splits[name, when].total.median for when in ("before", "after")]
        for name in CHANGES
    },
)

# %%
# To the right of the line a change makes training faster, to the left slower.

figure, axes = plots.figure(
    title="How much faster is each change?",
    x="rate after the change / rate before",
    y="",
    log="x",
)
for place, speedup in enumerate(reversed(speedups.values())):
    low, high = speedup.low, speedup.high
    colour = plots.MUTED if low < 1 < high else plots.COLOURS["per_env"]
    axes.plot([low, high], [place, place], "-", color=colour, linewidth=2)
    axes.plot(speedup.value, place, "o", color=colour, markersize=8)
axes.axvline(1, color=plots.INK, linestyle=":")
axes.set_yticks(range(len(speedups)), list(speedups)[::-1])
axes.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
axes.grid(visible=False, axis="y")
plots.show(figure)

# %%
# Tested on this machine.

for name, statement in {
    "half the epochs": "Half the epochs make a learner-bound run faster",
    "a quarter of the network's width": "A smaller network makes a learner-bound run faster",
    "1 minibatch instead of 4": "Fewer, larger minibatches make a learner-bound run faster",
    "4 times the horizon": "A longer horizon with as many minibatches makes a run of 64 cart-poles faster",
    "twice the timestep": "A larger timestep with fewer substeps makes a run of quadrupeds in MuJoCo Warp faster",
    "a fifth of the iterations, CG": "Fewer iterations of CG make a run of heaps in MuJoCo Warp faster",
}.items():
    speedup = speedups[name]
    claim(
        statement,
        speedup.above(1),
        f"{speedup.show('{:.2f}')} times as fast: {name}",
        question="C03",
    )
for name, statement in {
    "16 minibatches instead of 4": "More, smaller minibatches make a learner-bound run slower",
    "10 times the room for contacts": "Unused room for contacts and constraints makes a run of quadrupeds in MuJoCo Warp"
    " slower",
}.items():
    speedup = speedups[name]
    claim(
        statement,
        speedup.below(1),
        f"{speedup.show('{:.2f}')} times as fast: {name}",
        question="C03",
    )

print(provenance())
