# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
How much memory do image observations take?
===========================================

An image has thousands of numbers where a state has dozens, and PPO stores a whole rollout of them.
The memory can be counted before anything runs, and it differs between libraries.
This example counts it for four libraries, compares the counts with real training runs,
and shows how many environments fit one budget with states and with images.
"""

import math
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
plain_names = {key: name.replace("-\n", "-") for key, name in names.items()}
images = {
    library: replace(state, library=library, observation=(3, 84, 84))
    for library in names
}

# %%
# Each training run has two iterations, in a fresh process.
# Its environment does nothing, so all memory measured is the library's.


def weigh(training: Training) -> int:
    """Return the bytes that a real training run takes."""
    run = measure_peak_memory(training.library, **training.settings)
    return run.torch_bytes + (run.rollout_host_bytes or 0)


def count(training: Training) -> dict[str, int]:
    """Return the counted bytes of each part."""
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
# The simulator holds images as well: one for each environment, not one for each step of a rollout.

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
# Stable-Baselines3 and RL-Games store one byte for each number.
# RSL-RL and skrl store floats, and skrl copies all of them for the update.

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
axes.legend(loc="upper left", ncols=2)
plots.show(figure)

# %%
# Images against states under one budget
# --------------------------------------
# The memory of the run with images in RSL-RL is the budget; its simulator counts as well.
# How many environments fit that budget if the policy sees states instead?
# A real run with that number checks the count.


def count_all(training: Training) -> float:
    """Return the bytes of a training run and of its simulator."""
    pixels = math.prod(training.observation[1:]) if training.is_image else 0
    world = simulated.world_bytes + simulated.camera_bytes * pixels / edge**2
    return sum(count(training).values()) + training.num_envs * world


def largest(training: Training, budget: float) -> Training:
    """Return the training with as many environments as fit a budget, to the multiple of 4."""
    least, most = 0, 2**22
    while most - least > 4:
        middle = (least + most) // 8 * 4
        fits = count_all(replace(training, num_envs=middle)) <= budget
        least, most = (middle, most) if fits else (least, middle)
    return replace(training, num_envs=least)


same_budget = allocated["rsl_rl"] + simulator["rsl_rl"]
with_states = largest(state, same_budget)
taken = weigh(with_states) + with_states.num_envs * simulated.world_bytes
print(
    f"{same_budget / 2**20:.0f} MiB: {state.num_envs} environments with images, or {with_states.num_envs} with states,"
    f" which take {taken / 2**20:.0f} MiB"
)

# %%
# The same count for 8 GiB and a rollout of 16 steps.
# The CUDA context and the renderer's own needs are not in it: allow 1 GiB for them.

budget = 7 * 2**30
observed = {
    "state of 48": (48,),
    "48 x 48": (3, 48, 48),
    "84 x 84": (3, 84, 84),
    "128 x 128": (3, 128, 128),
}
room = {
    library: {
        name: largest(
            replace(state, library=library, observation=shape), budget
        ).num_envs
        for name, shape in observed.items()
    }
    for library in ("rl_games", "rsl_rl")
}
for library, row in room.items():
    fitting = ", ".join(f"{n:,} ({name})" for name, n in row.items())
    print(f"{library:8}  environments in 7 GiB: {fitting}")
record_measurement(
    "one_budget",
    {"bytes": same_budget, "states": with_states.num_envs, "environments": room},
)

states, pictures = room["rsl_rl"]["state of 48"], room["rsl_rl"]["84 x 84"]
figure, axes = plots.figure(
    title=f"7 GiB hold {states:,} environments with states, {pictures:,} with images of 84 x 84 in RSL-RL",
    x="environments that fit (counted)",
    y="",
    log="x",
)
for offset, (library, row) in zip((0.2, -0.2), room.items(), strict=True):
    places = [len(row) - 1 - place + offset for place in range(len(row))]
    axes.plot(
        list(row.values()),
        places,
        "o",
        color=plots.COLOURS[library],
        markersize=9,
        label=plain_names[library],
    )
    for place, n in zip(places, row.values(), strict=True):
        axes.text(1.15 * n, place, f"{n:,}", va="center")
axes.set_yticks(range(len(observed)), list(observed)[::-1])
axes.set_xlim(300, 20 * states)
axes.legend(loc="lower right")
plots.show(figure)

# %%
# Common advice, tested on this machine.

within = 0.25 if on_gpu else 0.03  # cuDNN takes room that nobody knows beforehand
rollout = counted["rsl_rl"]["rollout"] / counted["state"]["rollout"]
networks = (
    counted["rsl_rl"]["networks, optimiser"] / counted["state"]["networks, optimiser"]
)
claim(
    "Image observations of 3 x 84 x 84 floats enlarge the stored rollout, compared with a state of 48 floats",
    rollout > 1,
    f"{rollout:.0f} times as large",
    question="C08",
)
claim(
    "Image observations enlarge the networks: weights and optimiser with convolutions take more than those without",
    networks > 1,
    f"{networks:.0f} times as much",
    question="C08",
)
largest_error = max(map(abs, off.values()))
claim(
    f"The memory of each library can be counted beforehand to {within:.0%}",
    largest_error < within,
    f"at most {100 * largest_error:.1f} % off in {len(off)} training runs",
    question="C08",
)
claim(
    "The same images take more than twice as much memory in one library as in another",
    allocated[most] > 2 * allocated[least],
    f"{allocated[most] / allocated[least]:.1f} times as much in {plain_names[most]} as in {plain_names[least]}",
    question="C08",
)
claim(
    f"A rollout of {state.horizon} steps takes more image memory than the simulator",
    counted["rsl_rl"]["rollout"] > cameras,
    f"{counted['rsl_rl']['rollout'] / cameras:.0f} times as much in RSL-RL",
    question="C08",
)
claim(
    "Under the same budget, states leave room for more than 10 times as many environments as images",
    with_states.num_envs > 10 * state.num_envs
    and abs(taken / same_budget - 1) < within,
    f"{with_states.num_envs:,} instead of {state.num_envs} in {same_budget / 2**20:.0f} MiB;"
    f" a real run of RSL-RL took {100 * (taken / same_budget - 1):+.1f} % of that",
    question="C08",
)

print(provenance())
