# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
skrl: what does the progress bar show?
======================================

skrl prints only a progress bar: no reward, no loss and no rate in environment steps.
The bar counts vector steps.
This example trains the cart-pole, reads the bar, and reads the reward where skrl writes it.
"""

import tempfile
from pathlib import Path
from statistics import median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance
from stepscope.logs import read
from stepscope.train import run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# %%
# Train in its own process, as ``python train.py > train.log 2>&1`` would.
# On a GPU the same script trains 4096 environments.

num_envs = 4096 if torch.cuda.is_available() else 256
log = Path(tempfile.mkdtemp()) / "train.log"
run("skrl", log=log, cwd=log.parent, num_envs=num_envs, iterations=60)

# %%
# Each redrawing of the bar is a record.
# Its rate is an exponential moving average of vector steps per second, which has no scope.
# Only the last one of a finished run is a mean over everything: times the number of
# environments, it is the cumulative rate.

bars = [record for record in read(log) if record.kind == "progress"]
done = [bar for bar in bars if bar.metrics.get("it/s")]
final = done[-1]
print(f"bar drawn {len(bars)} times, {final.iteration} vector steps")
print(
    f"{final.metrics['it/s']} vector steps/s x {num_envs} = {final.metrics['it/s'] * num_envs:.0f} env steps/s"
)

# %%
# Only the event file has the reward.

events = EventAccumulator(str(next(log.parent.glob("runs/*_PPO"))))
events.Reload()
lengths = events.Scalars("Episode / Total timesteps (mean)")
print(
    f"mean episode length: first {lengths[0].value:.0f}, best {max(event.value for event in lengths):.0f} of 500"
)

# %%
# The bar is redrawn ten times a second at most, and stands still while the agent learns.

rates = [bar.metrics["it/s"] * num_envs for bar in done]
spread = max(rates) / min(rates)
figure, axes = plots.figure(
    title=f"The bar's rate varies {spread:.1f}-fold; only its last one is the mean of the run",
    x="vector steps done",
    y="environment steps per second",
)
axes.plot(
    [bar.iteration for bar in done],
    rates,
    "-",
    color=plots.COLOURS["skrl"],
    label="the bar's moving average",
)
axes.axhline(
    rates[-1],
    color=plots.INK,
    linestyle="--",
    linewidth=1.2,
    label="last one: mean of the whole run",
)
axes.set_ylim(bottom=0)
axes.legend(loc="lower right")
plots.show(figure)

# %%
# The claims use only the bar and the event file.

claim(
    "skrl counts vector steps, not environment steps",
    final.iteration == 60 * 32,
    f"{final.iteration} = 60 x 32",
    question="C23",
)
best = max(event.value for event in lengths)
claim(
    "the mean episode length in skrl's event file more than doubles",
    best > 2 * lengths[0].value,
    f"from {lengths[0].value:.0f} to {best:.0f} steps",
    question="C23",
)
print(f"median of the moving average: {median(rates):.0f} environment steps per second")

print(provenance())
