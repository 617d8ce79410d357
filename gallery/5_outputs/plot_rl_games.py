# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "wall"
"""
RL-Games: why are there three rates on one line?
================================================

RL-Games prints ``fps step``, ``fps step and policy inference`` and ``fps total``.
All three count the same environment steps; each divides them by a longer time.
This example trains the cart-pole and draws the three rates of every epoch.
"""

import tempfile
from pathlib import Path
from statistics import median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance
from stepscope.logs import read
from stepscope.measure import Estimate
from stepscope.train import run

# %%
# Train in its own process, as ``python train.py > train.log 2>&1`` would.
# On a GPU the same script trains 4096 environments.

num_envs = 4096 if torch.cuda.is_available() else 256
log = Path(tempfile.mkdtemp()) / "train.log"
run("rl_games", log=log, cwd=log.parent, num_envs=num_envs, iterations=25)

# %%
# Read the log: one record per epoch, with each rate under its scope.

records = list(read(log))
epochs = [record for record in records if record.kind == "iteration"]
rewards = [record.reward for record in records if record.kind == "best_reward"]
print(f"{len(epochs)} epochs, best mean reward {rewards[-1]:.0f}")

# %%
# The gap between two rates is the time of the parts that the slower one adds.

scopes = {
    "stepping": [record.fps.step for record in epochs],
    "stepping and inference": [record.fps.rollout for record in epochs],
    "everything": [record.fps.total for record in epochs],
}
typical = {name: median(rates[1:]) for name, rates in scopes.items()}
ratio = typical["stepping"] / typical["everything"]

figure, axes = plots.figure(
    title=f"'fps step' is {ratio:.0f} times 'fps total' in the same epoch",
    x="epoch",
    y="environment steps per second",
    log="y",
)
colours = (plots.MUTED, plots.MUTED, plots.COLOURS["rl_games"])
looks = zip((":", "--", "-"), colours, strict=True)
for (name, rates), (style, colour) in zip(scopes.items(), looks, strict=True):
    axes.plot([record.iteration for record in epochs], rates, style, color=colour)
    axes.text(epochs[-1].iteration, 1.25 * max(rates[-8:]), name, ha="right")
axes.margins(y=0.15)
plots.show(figure)

# %%
# A rate without its scope is meaningless, and two scopes must not be compared.
# The two rates of an epoch cover the same time, so other load on the machine affects both.

apart = Estimate.of([record.fps.step / record.fps.total for record in epochs[1:]])
claim(
    "RL-Games' rate of stepping is at least twice its total rate on the cart-pole",
    apart.above(2),
    apart.show("{:.1f}x"),
    question="C21",
)
gap = Estimate.of([record.fps.rollout / record.fps.total for record in epochs[1:]])
claim(
    "RL-Games' rate with inference is at least 1.2 times its total rate",
    gap.above(1.2),
    gap.show("{:.1f}x"),
    question="C21",
)

# %%
# The count of frames is printed before this epoch's frames are added, so the first line says 0.

lag = {record.iteration * num_envs * 32 - record.env_steps for record in epochs}
claim(
    "RL-Games' 'frames' lags by one epoch",
    lag == {num_envs * 32},
    f"{num_envs * 32} environment steps behind in every epoch",
    question="C21",
)

print(provenance())
