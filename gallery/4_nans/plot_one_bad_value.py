# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
What does one bad value do to a training run?
=============================================

One number in one of sixteen environments is bad for one step: NaN or infinity, in an observation or a reward.
Some libraries stop at once, some stop later, and one trains on NaN weights to the end and exits with status 0.
This example injects the bad value into a run of each of four libraries, and then again with a recorder around the environment.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.train.experiments.fault_injection import FAULTS, run_with_fault

# %%
# The fault is injected in step 20, in the second of six rollouts of 16 steps.
# Each training run is a separate process and saves a checkpoint after each rollout.
# RL-Games runs with ``torch_compile: False``; compiled, as by default since 1.6.5, it trains to the end on NaN weights.

device = "cuda" if torch.cuda.is_available() else "cpu"
names = {
    "rl_games": "RL-Games",
    "rsl_rl": "RSL-RL",
    "skrl": "skrl",
    "sb3": "Stable-Baselines3",
}
faults = {
    what: FAULTS[what] for what in ("NaN observed", "infinity observed", "NaN rewarded")
}
cases = [
    (library, what, guard)
    for guard in (None, "stepscope.nans:record")
    for library in names
    for what in faults
    if guard is None or what == "infinity observed"
]
runs = {
    (library, what, guard): run_with_fault(
        library, faults[what], guard=guard, device=device
    )
    for library, what, guard in cases
}

# %%
# The outcome: the exit status, the steps until the run ended, and the last checkpoint.

for (library, what, guard), run in runs.items():
    ended = (
        "trained to the end"
        if run.vector_steps is None
        else f"ended {run.vector_steps} steps later"
    )
    saved = (
        "saved nothing"
        if run.nonfinite_share is None
        else f"last checkpoint {100 * run.nonfinite_share:.0f} % NaN"
    )
    print(
        f"{names[library]:17} {what:17} {'with a recorder' if guard else '':15}"
        f" exit status {run.status}, {ended}, {saved}"
    )
    if run.message:
        print(f"{'':18}{run.message[:100]}")
bare = {
    (library, what): run for (library, what, guard), run in runs.items() if not guard
}
guarded = {library: run for (library, _, guard), run in runs.items() if guard}
record_measurement(
    "one_bad_value",
    {
        f"{library}, {what}": {
            "status": run.status,
            "vector_steps": run.vector_steps,
            "nonfinite_share": run.nonfinite_share,
        }
        for (library, what), run in bare.items()
    },
)

# %%
# A bar shows the share of NaN in the last checkpoint.
# The label above it shows how the process ended: `+12` is 12 steps after the bad value, `exit 0` is success.

silent = [
    names[library]
    for library in names
    if all(bare[library, what].status == 0 for what in faults)
]
figure, axes = plots.figure(
    title=f"{' and '.join(silent) or 'No library'} trains on NaN weights and exits with status 0",
    x="",
    y="last checkpoint, share that is NaN (%)",
)
hatches = dict(zip(faults, ("", "///", "xxx"), strict=True))
for place, library in enumerate(names):
    for number, what in enumerate(faults):
        run = bare[library, what]
        where = place + 0.27 * (number - 1)
        axes.bar(
            where,
            100 * (run.nonfinite_share or 0),
            0.25,
            color="none" if hatches[what] else plots.COLOURS[library],
            edgecolor=plots.COLOURS[library],
            hatch=hatches[what],
        )
        axes.annotate(
            "exit\n0" if run.status == 0 else f"+{run.vector_steps}",
            (where, 100 * (run.nonfinite_share or 0) + 2),
            ha="center",
            color=plots.COLOURS["failure"] if run.status == 0 else plots.INK,
        )
for what, hatch in hatches.items():
    axes.bar(
        0,
        0,
        color="none" if hatch else plots.INK,
        edgecolor=plots.INK,
        hatch=hatch,
        label=what,
    )
axes.set_xticks(
    range(len(names)), [name.replace("-B", "-\nB") for name in names.values()]
)
axes.set_ylim(0, 152)
axes.set_yticks([0, 25, 50, 75, 100])
axes.grid(visible=False, axis="x")
axes.legend(
    loc="upper left", ncols=3, columnspacing=1, handlelength=1.3, handletextpad=0.5
)
plots.show(figure)
print(
    "above each bar: steps from the bad value to the end of the process, or its exit status"
)

# %%
# Common advice, tested on this machine.

nan_seen = {library: bare[library, "NaN observed"] for library in names}
infinite = {library: bare[library, "infinity observed"] for library in names}
claim(
    f"One NaN in one observation ends the run, or makes all weights NaN (PPO of four libraries, {device.upper()})",
    all(run.status or run.nonfinite_share == 1.0 for run in nan_seen.values()),
    f"the run ends with {sum(run.status != 0 for run in nan_seen.values())} of 4 libraries",
    question="C15",
)
claim(
    "An infinite observation passes the NaN check of RSL-RL for one step, until it has become NaN",
    infinite["rsl_rl"].vector_steps > nan_seen["rsl_rl"].vector_steps,
    f"the run ends {infinite['rsl_rl'].vector_steps} step later, with NaN {nan_seen['rsl_rl'].vector_steps} steps later",
    question="B3",
)
claim(
    "RL-Games and Stable-Baselines3 continue for more than one step after an infinite observation",
    all(infinite[library].vector_steps > 1 for library in ("rl_games", "sb3")),
    f"they end {infinite['rl_games'].vector_steps} and {infinite['sb3'].vector_steps} steps later",
    question="B3",
)
claim(
    "skrl finishes with exit status 0, and all of its weights are NaN",
    all(
        bare["skrl", what].status == 0 and bare["skrl", what].nonfinite_share == 1.0
        for what in faults
    ),
    "the last checkpoint is 100 % NaN with each of the three faults",
    question="B4",
)
claim(
    "A run that ends may have saved NaN first: the last checkpoint of RL-Games is bad",
    infinite["rl_games"].nonfinite_share > 0.9,
    f"it is {100 * infinite['rl_games'].nonfinite_share:.0f} % NaN",
    question="C15",
)
claim(
    "With a recorder around the environment, all four libraries end before their weights are updated",
    all(run.status and not run.nonfinite_share for run in guarded.values()),
    f"they end at most {max(run.vector_steps for run in guarded.values())} steps later, without NaN in a checkpoint",
)

print(provenance())
