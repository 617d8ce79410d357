# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
What do images take of a training?
==================================

An image is a few thousand numbers where a state is a few dozen, and PPO keeps a whole rollout of them.
How much that comes to is known before anything runs, and the libraries differ.
This example counts it for each of four libraries, and weighs real trainings to see whether the count is right.
"""

from dataclasses import replace

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_cost
from stepscope.plan.memory import Training, estimate_memory
from stepscope.train.experiments.peak_memory import measure_peak_memory

# %%
# The same sizes for all: a state of 48 numbers, then images of 84 x 84 in three colours.
# In front of the layers for a state, images get three convolutions and a layer of 512.

on_gpu = torch.cuda.is_available()
state = Training(
    library="rsl_rl",
    num_envs=1024 if on_gpu else 32,
    horizon=16,
    observation=(48,),
    actions=12,
    hidden=(64, 64),
)
names = {
    "rl_games": "RL-Games",
    "rsl_rl": "RSL-RL",
    "skrl": "skrl",
    "sb3": "Stable-\nBaselines3",
}
images = {
    library: replace(state, library=library, observation=(3, 84, 84))
    for library in names
}

# %%
# Each training runs for two iterations in a fresh process.
# Its environment does nothing, so that what is measured is the library's.


def weigh(training: Training) -> int:
    """Return the bytes that a real training takes."""
    run = measure_peak_memory(training.library, **training.settings)
    return run.torch_bytes + (run.rollout_host_bytes or 0)


def count(training: Training) -> dict[str, int]:
    """Return the bytes that are counted beforehand, by what they are for."""
    estimate = estimate_memory(training)
    return {
        "networks, optimiser": estimate.torch_bytes_of("networks"),
        "rollout": estimate.torch_bytes_of("rollout") + estimate.host_bytes,
        "update": estimate.torch_bytes_of("update"),
    }


trainings = {"state": state, **images}
counted = {name: count(training) for name, training in trainings.items()}
allocated = {name: weigh(training) for name, training in trainings.items()}
off = {name: sum(counted[name].values()) / allocated[name] - 1 for name in trainings}
for name, training in trainings.items():
    parts = ", ".join(
        f"{part} {taken / 2**20:.1f}" for part, taken in counted[name].items()
    )
    print(
        f"{name:8}  {training.number_type:7}  counted {sum(counted[name].values()) / 2**20:6.1f} MiB ({parts}),"
        f"  allocated {allocated[name] / 2**20:6.1f} MiB  {100 * off[name]:+.1f} %"
    )
record_measurement("image_rollouts", {"counted": counted, "allocated": allocated})

# %%
# The simulator has images, too: one for each environment, and not one for each step of a rollout.

edge = 84
simulated = scene_cost(
    "stepscope.envs.scenes:cameras",
    256 if on_gpu else 16,
    options={"width": edge, "height": edge},
    settle=5,
)
cameras = state.num_envs * simulated.camera_bytes
physics = state.num_envs * simulated.world_bytes
simulator = {
    name: physics + cameras * training.is_image for name, training in trainings.items()
}
print(
    f"simulator of {state.num_envs} environments: physics {physics / 2**20:.1f} MiB, images {cameras / 2**20:.1f} MiB"
)

# %%
# Stable-Baselines3 and RL-Games keep a byte for each number.
# RSL-RL and skrl keep floats, and skrl copies all of them for the update.

totals = {name: sum(counted[name].values()) for name in images}
a_state = sum(counted["state"].values())
least, most = (pick(totals, key=totals.get) for pick in (min, max))
figure, axes = plots.figure(
    title=f"Images take {totals[least] / a_state:.0f} to {totals[most] / a_state:.0f} times the memory of a state",
    x="",
    y=f"memory, {state.num_envs} environments (MiB)",
)
bars = [
    ("simulator", plots.INK, ""),
    ("networks, optimiser", plots.COLOURS["fixed"], ""),
    ("rollout", plots.COLOURS["per_env"], ""),
    ("update", plots.COLOURS["per_env"], "///"),
]
places = range(len(trainings))
below = [0.0] * len(trainings)
for part, colour, hatch in bars:
    heights = [
        (simulator[name] if part == "simulator" else counted[name][part]) / 2**20
        for name in trainings
    ]
    axes.bar(
        list(places),
        heights,
        0.62,
        bottom=below,
        color="none" if hatch else colour,
        edgecolor=colour,
        hatch=hatch,
        label=part,
    )
    below = [low + high for low, high in zip(below, heights, strict=True)]
axes.plot(
    list(places),
    [(allocated[name] + simulator[name]) / 2**20 for name in trainings],
    "D",
    color=plots.INK,
    label="measured",
)
axes.set_xticks(list(places), ["a state\n(RSL-RL)", *names.values()])
axes.grid(visible=False, axis="x")
axes.set_ylim(top=1.3 * max(below))
axes.legend(loc="upper left", fontsize=9, ncols=2)
plots.show(figure)

# %%
# What practitioners are told, checked on this machine.

within = 0.25 if on_gpu else 0.03  # cuDNN takes room that nobody knows beforehand
rollout = counted["rsl_rl"]["rollout"] / counted["state"]["rollout"]
networks = (
    counted["rsl_rl"]["networks, optimiser"] / counted["state"]["networks, optimiser"]
)
claim(
    "image observations enlarge the stored rollout: 3 x 84 x 84 floats against 48",
    rollout > 100,
    f"{rollout:.0f}x",
    question="C08",
)
claim(
    "and the networks: weights and optimiser with convolutions against those without",
    networks > 50,
    f"{networks:.0f}x",
    question="C08",
)
claim(
    f"what each library takes is known beforehand, to {within:.0%}",
    max(map(abs, off.values())) < within,
    f"at most {100 * max(map(abs, off.values())):.1f} % off, on {len(off)} trainings",
    question="C08",
)
claim(
    "the same images take more than twice as much in one library as in another",
    allocated[most] > 2 * allocated[least],
    f"{allocated[most] / allocated[least]:.1f}x, {most} and {least}",
    question="C08",
)
claim(
    f"a rollout of {state.horizon} steps keeps more of them than the simulator",
    counted["rsl_rl"]["rollout"] > 4 * cameras,
    f"{counted['rsl_rl']['rollout'] / cameras:.0f}x",
    question="C08",
)

print(provenance())
