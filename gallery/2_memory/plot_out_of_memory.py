# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Out of memory: do fewer environments help?
==========================================

They help if the environments take the memory, and cannot help if something else does.
The line M(N) = a + b N separates the two: fewer environments reduce b N and leave a as it is.
This example lets two training runs run out of memory for real, each in its own process,
and reduces the number of environments until they fit, or until there is one left.
"""

import sys

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import Outcome, footprint_of_command
from stepscope.plan import MemoryModel

# %%
# The parts of a training run that take memory: environments, a rollout, and a replay buffer of images.
# Beyond a limit the allocator is refused memory, as on a full GPU.

PROGRAM = """
import sys, torch
from stepscope.envs import CartPole
num_envs, horizon, images, limit = map(int, sys.argv[1:])
device = "cuda" if torch.cuda.is_available() else "cpu"
if device == "cuda" and limit:
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(limit / total)
env = CartPole(num_envs, device=device)
observations, _ = env.reset()
replay = torch.ones(images, 84 * 84, dtype=torch.uint8, device=device)
rollout = torch.ones(horizon, num_envs, 4, device=device)
for step in range(4):
    observations, *_ = env.step(torch.zeros(num_envs, 1, device=device))
    rollout[step] = observations
"""
on_gpu = torch.cuda.is_available()
LIMIT = 2**30
TRAININGS = {
    "long rollout": {"horizon": 64, "images": 0},
    "replay buffer": {"horizon": 64, "images": 200_000},
}


def run(n: int, *, horizon: int, images: int, limit: int) -> Outcome:
    """Train this number of environments in a separate process, and return how it ended."""
    arguments = [str(value) for value in (n, horizon, images, limit)]
    return footprint_of_command(
        [sys.executable, "-c", PROGRAM, *arguments],
        # CUDA reserves far more addresses than memory: there, PyTorch's own limit is the one.
        limit_asked_bytes=limit if limit and not on_gpu else None,
        limit_seconds=60,
    )


# %%
# Fewer and fewer environments, down to a single one.

tries = {}
for name, training in TRAININGS.items():
    tries[name] = {}
    for n in [2**20, 2**18, 2**16, 1]:
        found = tries[name][n] = run(n, **training, limit=LIMIT)
        print(f"{name:13}  N = {n:7}  {found.status}: {found.reason[:70]}")
        if found.ok:
            break

# %%
# The second run fails even with one environment.
# The last lines of its output name the size of the buffer.

print(tries["replay buffer"][1].output_tail[-400:])

# %%
# Two runs without a limit give each line, and the line gives the answer in advance.
# The fixed part of the second run is larger than the limit.

sizes = [1024, 131072]

memory = "device_bytes" if on_gpu else "host_bytes"

lines = {}
for name, training in TRAININGS.items():
    points = [
        (n, getattr(run(n, **training, limit=0).footprint, memory)) for n in sizes
    ]
    lines[name] = MemoryModel.fit(points)
    a, b = lines[name].fixed_bytes, lines[name].per_env_bytes
    print(
        f"{name:13}  M(N) = {a / 2**20:.0f} MiB + {b:.0f} bytes x N;"
        f"  {a / LIMIT:.0%} of the limit is fixed;  largest N {lines[name].largest(LIMIT):,}"
    )

record_measurement(
    "out_of_memory",
    {
        name: {
            "limit_bytes": LIMIT,
            "fixed_bytes": lines[name].fixed_bytes,
            "per_env_bytes": lines[name].per_env_bytes,
            "fates": {n: found.status for n, found in tries[name].items()},
        }
        for name in TRAININGS
    },
)

# %%
# A cross is a training run that ran out of memory, drawn where it would have been.

figure, axes = plots.figure(
    title="Fewer environments help only if the fixed part fits",
    x="number of environments",
    y="memory (GiB)",
    log="x",
)
looks = {"long rollout": plots.COLOURS["per_env"], "replay buffer": plots.INK}
for name, model in lines.items():
    curve = [2 ** (i / 5) for i in range(104)]
    axes.plot(
        curve,
        [model.predict(n) / 2**30 for n in curve],
        "--",
        color=looks[name],
        linewidth=1.3,
        label=name,
    )
    for n, found in tries[name].items():
        colour = looks[name] if found.ok else plots.COLOURS["failure"]
        axes.plot(
            [n], [model.predict(n) / 2**30], "o" if found.ok else "x", color=colour
        )
axes.axhline(LIMIT / 2**30, color=plots.COLOURS["failure"], label="limit")
axes.set_ylim(bottom=0)
axes.legend(loc="upper left")
plots.show(figure)

# %%
# Common advice, tested on this machine.

fates = {
    name: [found.status for found in tried.values()] for name, tried in tries.items()
}
claim(
    "Out of memory, fewer environments help if the environments take most of the memory",
    fates["long rollout"][0] == "out of memory" and fates["long rollout"][-1] == "ok",
    f"{2**20:,} cart-poles fail, {max(n for n, found in tries['long rollout'].items() if found.ok):,} run",
    question="C11",
)
claim(
    "Out of memory, fewer environments cannot help if the fixed part alone exceeds the limit",
    set(fates["replay buffer"]) == {"out of memory"} and 1 in tries["replay buffer"],
    f"1 environment fails: the fixed part is {lines['replay buffer'].fixed_bytes / LIMIT:.1f} times the limit",
    question="C11",
)
claim(
    "Two small runs show in advance which of the two cases it is",
    lines["long rollout"].fixed_bytes < LIMIT < lines["replay buffer"].fixed_bytes,
    f"the fixed parts are {lines['long rollout'].fixed_bytes / LIMIT:.2f}"
    f" and {lines['replay buffer'].fixed_bytes / LIMIT:.2f} times the limit",
    question="C11",
)

print(provenance())
