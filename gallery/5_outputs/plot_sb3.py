# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "wall"
"""
Stable-Baselines3: why is the first fps so high?
================================================

Stable-Baselines3 prints ``fps``, the mean rate of everything since ``learn()`` began.
The first table is printed before the first update, so its rate does not include learning.
This example trains the cart-pole, and takes the rate of each iteration from two tables in a row.
"""

import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance
from stepscope.logs import read
from stepscope.measure import DisturbanceMeter, Estimate
from stepscope.train import run

# %%
# Train in its own process, as ``python train.py > train.log 2>&1`` would.
# On a GPU the same script trains 4096 environments.

num_envs = 4096 if torch.cuda.is_available() else 256
log = Path(tempfile.mkdtemp()) / "train.log"
meter = DisturbanceMeter(children=True)
run("sb3", log=log, cwd=log.parent, num_envs=num_envs, iterations=25)
disturbance = meter.read()

# %%
# One record per table.

tables = [record for record in read(log) if record.kind == "iteration"]
print(f"{len(tables)} tables, {tables[-1].env_steps} environment steps")
print(
    f"episodes last {tables[-1].episode_length} steps, cumulative rate {tables[-1].fps.cumulative} steps/s"
)

# %%
# ``time_elapsed`` is cut to whole seconds, but environment steps over ``fps`` give the time to a fraction.
# The difference between two tables is what one iteration took.

clock = [table.env_steps / table.fps.cumulative for table in tables]
own = [
    (b.env_steps - a.env_steps) / (later - earlier)
    for (a, b), (earlier, later) in zip(pairwise(tables), pairwise(clock), strict=True)
]
cumulative = [table.fps.cumulative for table in tables]
overstated = cumulative[0] / median(own)
print(f"the machine meanwhile: {disturbance}")

figure, axes = plots.figure(
    title=f"The first table says {overstated:.1f} times the rate that this run keeps",
    x="iteration",
    y="environment steps per second",
    log="y",
)
axes.plot(
    range(1, len(tables) + 1),
    cumulative,
    color=plots.COLOURS["sb3"],
    label="fps: mean since the start",
)
axes.plot(
    range(2, len(tables) + 1),
    own,
    "o",
    color=plots.INK,
    markersize=4,
    label="the iteration's own rate",
)
axes.legend(loc="upper right")
plots.show(figure)

# %%
# The first table is printed before the first update, so its rate contains no learning at all.
# There is only one first table; other load on the machine may have changed it, which counts in the verdict.

times = Estimate.of(
    [cumulative[0] / rate for rate in own], disturbance=disturbance, exposed=True
)
claim(
    "SB3's first table overstates the rate: no update is in it yet",
    times.above(1),
    f"{times.show('{:.1f}x')} the rate of a later iteration",
    question="C24",
)
claim(
    "SB3's first table has no losses, and every later one has",
    not any(label.startswith("train/") for label in tables[0].metrics)
    and all("train/loss" in table.metrics for table in tables[1:]),
    f"{len(tables)} tables",
    question="C24",
)

print(provenance())
