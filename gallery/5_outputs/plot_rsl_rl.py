# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
RSL-RL: where does an iteration spend its time?
===============================================

RSL-RL prints the time of the rollout, the time of the update, and one rate over both.
This example trains the cart-pole, reads the log, and shows the two parts of every iteration.
"""

import tempfile
from pathlib import Path
from statistics import median

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance
from stepscope.logs import read
from stepscope.train import run

# %%
# Train in its own process, as ``python train.py > train.log 2>&1`` would.
# On a GPU the same script trains 4096 environments.

num_envs = 4096 if torch.cuda.is_available() else 256
log = Path(tempfile.mkdtemp()) / "train.log"
run("rsl_rl", log=log, cwd=log.parent, num_envs=num_envs, iterations=40)

# %%
# Read the log: one record per iteration, with the numbers under their scopes.

iterations = [record for record in read(log) if record.kind == "iteration"]
last = iterations[-1]
print(f"{len(iterations)} iterations, {last.env_steps} environment steps")
print(
    f"last: {last.fps.total} environment steps per second in total, episodes of {last.episode_length} steps"
)

# %%
# The median over all iterations shows which part is longer.

collect = [record.seconds.collect for record in iterations]
learn = [record.seconds.learn for record in iterations]
share = median(learn) / (median(learn) + median(collect))

figure, axes = plots.figure(
    title=f"The update takes {share:.0%} of an iteration of {num_envs} environments",
    x="learning iteration",
    y="seconds in the iteration",
)
numbers = [record.iteration for record in iterations]
axes.bar(
    numbers,
    collect,
    color=plots.COLOURS["fixed"],
    label="rollout",
    width=0.8,
)
axes.bar(
    numbers,
    learn,
    bottom=collect,
    color=plots.COLOURS["rsl_rl"],
    label="update",
    width=0.8,
)
axes.set_ylim(top=1.25 * max(map(sum, zip(collect, learn, strict=True))))
axes.legend(loc="upper right", ncols=2)
plots.show(figure)

# %%
# The rate is computed from these two times, so it is the rate of the whole iteration.

recomputed = [num_envs * 32 / (c + t) for c, t in zip(collect, learn, strict=True)]
error = max(
    abs(r.fps.total / x - 1) for r, x in zip(iterations, recomputed, strict=True)
)
claim(
    "RSL-RL's 'Steps per second' is the total rate: collecting and learning together",
    error < 0.05,
    f"largest difference {error:.1%}",
    question="C22",
)
longest = max(record.episode_length or 0 for record in iterations)
claim(
    "RSL-RL's episodes get longer than 100 steps",
    longest > 100,
    f"{longest:.0f} of 500 steps",
    question="C22",
)

print(provenance())
