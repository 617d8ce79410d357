# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
How does the number of environments change the update?
======================================================

PPO divides a rollout into minibatches and takes an optimiser step for each of them.
In two libraries the setting is the number of minibatches, in the other two their size.
This example changes only the number of environments, and counts the optimiser steps of each library.
"""

import contextlib
import importlib
import io
import logging
import tempfile

from stepscope import plots
from stepscope.envs import CartPole
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.logs import BY_KEY
from stepscope.plan.batches import check_setting, find_batches
from torch.optim.optimizer import register_optimizer_step_post_hook

# %%
# Each library keeps its setting: 4 minibatches, or 256 samples in each.
# With 64 environments and 16 steps that is the same.

horizon, number, size = 16, 4, 256
num_envs = [64, 128, 256, 512]
epochs = {"rl_games": 5, "rsl_rl": 5, "skrl": 8, "sb3": 10}
logging.disable(logging.INFO)  # skrl logs a line for each training run


def minibatches(library: str, envs: int) -> int:
    """Return how many minibatches the library makes of a rollout."""
    fixes_number = BY_KEY[library].minibatches.fixes == "number"
    return number if fixes_number else envs * horizon // size


def count_updates(library: str, envs: int) -> int:
    """Train for one iteration and return the steps of the optimiser."""
    steps = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    module = importlib.import_module(f"stepscope.train.{library}")
    folder = tempfile.mkdtemp()  # TensorBoard's thread may write until the very end
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            module.train(
                CartPole(envs, device="cpu"),
                iterations=1,
                horizon=horizon,
                minibatches=minibatches(library, envs),
                log_dir=folder,
            )
    finally:
        hook.remove()
    return len(steps)


updates = {
    library: {envs: count_updates(library, envs) for envs in num_envs}
    for library in epochs
}
record_measurement("updates", updates)

# %%
# What ``stepscope batches`` says beforehand, next to what was counted.


def predict(library: str, envs: int) -> int:
    """Return the steps of the optimiser that the rules of the library give."""
    batches = find_batches(
        library, num_envs=envs, horizon=horizon, epochs=epochs[library]
    )
    fixes_number = batches.rules.fixes == "number"
    return check_setting(batches, number if fixes_number else size).updates


predicted = {
    library: {envs: predict(library, envs) for envs in num_envs} for library in epochs
}
for library, counted in updates.items():
    rules = BY_KEY[library].minibatches
    setting = number if rules.fixes == "number" else size
    print(
        f"{BY_KEY[library].name}, {rules.setting} {setting}, {rules.epochs} {epochs[library]}:"
    )
    for envs, steps in counted.items():
        print(
            f"  {envs:4} environments: {steps:4} updates counted, {predicted[library][envs]:4} predicted,"
            f" {1000 * steps / (envs * horizon):5.1f} per 1,000 samples"
        )

# %%
# The levels differ by the number of passes over a rollout, the slopes by the fixed quantity.

per_thousand = {
    library: [1000 * steps / (envs * horizon) for envs, steps in counted.items()]
    for library, counted in updates.items()
}
figure, axes = plots.figure(
    title="With 8 times the environments RSL-RL and skrl make an eighth of the updates per sample",
    x="environments",
    y="updates per 1,000 samples",
    log="xy",
)
for library, marker in zip(epochs, "os^D", strict=True):
    rules = BY_KEY[library].minibatches
    axes.plot(
        num_envs,
        per_thousand[library],
        "--" if rules.fixes == "number" else "-",
        marker=marker,
        color=plots.COLOURS[library],
        label=f"{BY_KEY[library].name}, {rules.setting}",
    )
axes.set_xticks(num_envs, [str(envs) for envs in num_envs])
axes.set_yticks([2, 5, 10, 20, 40], ["2", "5", "10", "20", "40"])
axes.minorticks_off()
axes.legend(loc="lower left")
plots.show(figure)

# %%
# What the usual guides leave out, tested on this machine.

ratio = {library: rates[-1] / rates[0] for library, rates in per_thousand.items()}
claim(
    f"RSL-RL and skrl fix the number of minibatches: with {num_envs[-1] // num_envs[0]} times the environments"
    " they make fewer updates per sample",
    ratio["rsl_rl"] == ratio["skrl"] == num_envs[0] / num_envs[-1],
    f"{ratio['rsl_rl']:.3f}x and {ratio['skrl']:.3f}x",
    question="B8",
)
claim(
    "RL-Games and Stable-Baselines3 fix their size, and make as many updates per sample as before",
    ratio["rl_games"] == ratio["sb3"] == 1,
    f"{ratio['rl_games']:.3f}x and {ratio['sb3']:.3f}x",
    question="B8",
)
claim(
    "stepscope batches gives the number of updates before anything runs",
    predicted == updates,
    f"the same number in {sum(map(len, updates.values()))} of {sum(map(len, predicted.values()))} runs",
    question="B8",
)

print(provenance())
