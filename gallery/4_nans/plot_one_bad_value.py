# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
What does one bad value do to a training?
=========================================

One number, in one of sixteen environments, for one step: NaN or infinity, observed or rewarded.
Some libraries stop at once, some stop later, and one trains on NaN weights to the end without a sign of it.
This example does it to each of four libraries, and then again with a recorder around the environment.
"""

from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.train.experiments.fault_injection import FAULTS, run_with_fault

# %%
# The fault strikes in step 20, in the second of six rollouts of 16 steps.
# Each training run is a separate process and saves a checkpoint after each rollout.

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
    (library, what, guard): run_with_fault(library, faults[what], guard=guard)
    for library, what, guard in cases
}

# %%
# What became of it: the exit status, the steps until it ended, and the last checkpoint.

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
# A bar is what of the last checkpoint is NaN; below each stands how the process ended.

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
hatches = dict(zip(faults, ("", "///", "..."), strict=True))
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
            "exit 0" if run.status == 0 else f"+{run.vector_steps}",
            (where, 100 * (run.nonfinite_share or 0) + 2),
            ha="center",
            fontsize=8,
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
axes.set_ylim(0, 138)
axes.set_yticks([0, 25, 50, 75, 100])
axes.grid(visible=False, axis="x")
axes.legend(loc="upper left", ncols=3, fontsize=9, columnspacing=1)
plots.show(figure)
print(
    "above each bar: steps from the bad value to the end of the process, or its exit status"
)

# %%
# Common advice, tested on this machine.

nan_seen = {library: bare[library, "NaN observed"] for library in names}
infinite = {library: bare[library, "infinity observed"] for library in names}
claim(
    "one NaN in one observation ends the training, or poisons all of it",
    all(run.status or run.nonfinite_share == 1.0 for run in nan_seen.values()),
    f"{sum(run.status != 0 for run in nan_seen.values())} of 4 libraries end",
    question="C15",
)
claim(
    "an infinite reading passes where NaN is looked for: RSL-RL goes on for a step, until it has made NaN of it",
    infinite["rsl_rl"].vector_steps > nan_seen["rsl_rl"].vector_steps,
    f"steps until it ends: {infinite['rsl_rl'].vector_steps}, with NaN {nan_seen['rsl_rl'].vector_steps}",
    question="B3",
)
claim(
    "and passes longer elsewhere: RL-Games and Stable-Baselines3 end in the rollout after it",
    all(infinite[library].vector_steps > 1 for library in ("rl_games", "sb3")),
    f"{infinite['rl_games'].vector_steps} and {infinite['sb3'].vector_steps} steps later",
    question="B3",
)
claim(
    "skrl finishes with exit status 0 on weights that are all NaN",
    all(
        bare["skrl", what].status == 0 and bare["skrl", what].nonfinite_share == 1.0
        for what in faults
    ),
    "exit status 0, 100 % NaN, for all three",
    question="B4",
)
claim(
    "a library that ends has not always kept a good checkpoint: the last one of RL-Games is NaN",
    infinite["rl_games"].nonfinite_share > 0.9,
    f"{100 * infinite['rl_games'].nonfinite_share:.0f} % NaN",
    question="C15",
)
claim(
    "with a recorder around the environment every library ends before its weights are touched",
    all(run.status and not run.nonfinite_share for run in guarded.values()),
    f"at most {max(run.vector_steps for run in guarded.values())} steps later, no NaN in any checkpoint",
)

print(provenance())
