# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
A small GPU: what should I change first?
========================================

Fewer environments take less memory, but each update then sees fewer samples.
Some other changes save the same memory and keep all environments.
This example counts what each change saves for a policy that sees images,
checks the counts with real training runs of reduced size,
and measures what unused room for contacts takes in the simulator.
"""

from dataclasses import replace

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_cost
from stepscope.plan.memory import Training, estimate_memory
from stepscope.train.experiments.peak_memory import measure_peak_memory

# %%
# RL-Games with 512 environments, rollouts of 64 steps and two frames of 96 x 96 as floats.
# Each change is made alone, and then the first two together.

budget = 8 * 2**30
full = Training(
    library="rl_games",
    num_envs=512,
    horizon=64,
    observation=(6, 96, 96),
    actions=1,
    dtype="float32",
    minibatches=4,
)
changes = {
    "bytes instead of floats": {"dtype": "uint8"},
    "4 times the minibatches": {"minibatches": 4 * full.minibatches},
    "64 x 64 pixels": {"observation": (6, 64, 64)},
    "half the horizon": {"horizon": full.horizon // 2},
    "half the environments": {"num_envs": full.num_envs // 2},
}
first, second = list(changes)[:2]
both = f"{first} and {second}"
changes[both] = changes[first] | changes[second]
counted = {
    "as it is": estimate_memory(full).torch_bytes,
    **{
        name: estimate_memory(replace(full, **change)).torch_bytes
        for name, change in changes.items()
    },
}
for name, taken in counted.items():
    print(f"{name:51} {taken / 2**30:6.2f} GiB of PyTorch's")

# %%
# The same changes in real training runs, with fewer environments and shorter rollouts.

small = replace(full, num_envs=16, horizon=8)
runs = {
    "as it is": small,
    "bytes instead of floats": replace(small, dtype="uint8"),
    "4 times the minibatches": replace(small, minibatches=4 * small.minibatches),
    both: replace(small, dtype="uint8", minibatches=4 * small.minibatches),
    "half the horizon": replace(small, horizon=small.horizon // 2),
    "half the environments": replace(small, num_envs=small.num_envs // 2),
}
measured = {
    name: measure_peak_memory(run.library, **run.settings).torch_bytes
    for name, run in runs.items()
}
off = {
    name: estimate_memory(run).torch_bytes / measured[name] - 1
    for name, run in runs.items()
}
for name, taken in measured.items():
    print(
        f"{name:51} {taken / 2**20:6.1f} MiB measured, the count is {100 * off[name]:+.1f} % off"
    )

# %%
# The simulator keeps room for contacts and constraints in each world, whether they are used or not.

fitting, roomy = {"nconmax": 24, "njmax": 96}, {"nconmax": 240, "njmax": 960}
rooms = {
    name: scene_cost(
        "stepscope.envs.scenes:quadruped", 64, options=options, settle=5
    ).world_bytes
    for name, options in (("fitting", fitting), ("roomy", roomy))
}
for name, taken in rooms.items():
    print(f"{name:51} {taken / 1024:6.1f} KiB in each world")
record_measurement(
    "small_budget", {"counted": counted, "measured": measured, "world": rooms}
)

# %%
# Blue fits into 8 GiB, if the simulator fits into the rest.
# An image that is made of bytes loses nothing when it is stored as bytes.
# More minibatches mean more and smaller updates from the same samples.

below = [name for name, taken in counted.items() if taken < budget]
figure, axes = plots.figure(
    title=f"Bytes and smaller minibatches: {counted['as it is'] / 2**30:.1f} GiB become"
    f" {counted[both] / 2**30:.1f}, with all {full.num_envs} environments",
    x="PyTorch's memory at its peak (GiB)",
    y="",
)
for row, (name, taken) in enumerate(counted.items()):
    size = taken / 2**30
    axes.barh(
        row,
        size,
        0.42,
        color=plots.COLOURS["per_env" if name in below else "fixed"],
    )
    axes.text(0, row - 0.3, name)
    axes.text(size, row, f" {size:.1f}", va="center")
axes.axvline(budget / 2**30, color=plots.COLOURS["failure"], linestyle="--")
axes.text(budget / 2**30, len(counted) - 0.55, " 8 GiB", color=plots.COLOURS["failure"])
axes.set_yticks([])
axes.grid(visible=False, axis="y")
axes.set_xlim(0, 1.12 * max(counted.values()) / 2**30)
axes.invert_yaxis()
plots.show(figure)

# %%
# Checked on this machine.

saved = {name: 1 - taken / measured["as it is"] for name, taken in measured.items()}
halved = saved["half the environments"]
claim(
    f"{both} save more memory than half the environments",
    saved[both] > halved,
    f"{saved[both]:.0%} against {halved:.0%} in real runs of RL-Games",
    question="C11",
)
claim(
    "half the horizon saves as much as half the environments",
    abs(saved["half the horizon"] - halved) < 0.01,
    f"{saved['half the horizon']:.0%} and {halved:.0%} in real runs of RL-Games",
    question="C11",
)
within = 0.25 if torch.cuda.is_available() else 0.03  # cuDNN takes its own room
largest = max(map(abs, off.values()))
claim(
    f"what each change saves is known beforehand, to {within:.0%}",
    largest < within,
    f"at most {largest:.1%} off in {len(off)} runs",
    question="C11",
)
ratio = rooms["roomy"] / rooms["fitting"]
claim(
    "room for 10 times the contacts and constraints takes more than 4 times the memory in each world, though none is used",
    ratio > 4,
    f"{rooms['roomy'] / 1024:.0f} KiB against {rooms['fitting'] / 1024:.0f} KiB, MuJoCo Warp",
    question="C11",
)

print(provenance())
