# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples,tune] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Which number of environments trains fastest?
============================================

A single run of each setting decides nothing: the next seed may reverse the order.
``stepscope tune`` searches by training, and runs the best settings again with fresh seeds.
It recommends one only if its lead is more than chance.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement

# %%
# RSL-RL trains the cart-pole until the reward that it prints reaches 60.
# Any command works whose output is that of a library, with a placeholder such as ``{num_envs}`` for each setting.

until = 60
command = ["tune", "stepscope.envs:CartPole", "--library", "rsl_rl"]
command += ["--search", "num_envs=32,512", "--until", f"reward={until}"]
command += ["--trial-seconds", "300", "--seeds", "5", "--json", "tune.json"]
with tempfile.TemporaryDirectory() as folder:  # in which the search keeps its trials
    tune = subprocess.run(
        [sys.executable, "-m", "stepscope", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads((Path(folder) / "tune.json").read_text(encoding="utf-8"))
print(tune.stdout)

# %%
# The file of ``--json`` holds the curve of every run.

finals = {final["values"]["num_envs"]: final["runs"] for final in result["finals"]}
seconds = {
    num_envs: [run["seconds"] for run in runs] for num_envs, runs in finals.items()
}
record_measurement(
    "seconds", {str(num_envs): times for num_envs, times in seconds.items()}
)
recommended = result["recommended"]
answer = (
    f"{recommended['num_envs']} environments reach a reward of {until} soonest"
    if recommended
    else f"Five seeds do not tell whether {' or '.join(map(str, seconds))} environments are faster"
)

figure, axes = plots.figure(
    title=answer, x="environments", y=f"seconds to a reward of {until}"
)
places = range(len(seconds))
for place, (final, times) in enumerate(
    zip(result["finals"], seconds.values(), strict=True)
):
    cost = final["cost"]
    axes.plot(
        [place] * len(times),
        times,
        "o",
        color=plots.MUTED,
        label=None if place else "fresh seeds",
    )
    axes.errorbar(
        place + 0.1,
        cost["mean"],
        yerr=[[cost["mean"] - cost["low"]], [cost["high"] - cost["mean"]]],
        fmt="s",
        capsize=4,
        color=plots.COLOURS["per_env"],
        label=None if place else "mean with its 95 % interval",
    )
axes.set_xticks(places, [f"{num_envs:,}" for num_envs in seconds])
axes.set_xlim(-0.5, len(seconds) - 0.5)
axes.set_ylim(bottom=0)
axes.legend()
plots.show(figure)

# %%
# A run ends as soon as the reward is printed, not at its own end.

curves = [run["curve"] for runs in [result["trials"], *finals.values()] for run in runs]
ended = [
    curve[-1][1] >= until > max([reward for _, reward in curve[:-1]], default=0)
    for curve in curves
]
claim(
    "stepscope tune ends each run at the first reward that reaches the threshold",
    all(ended),
    f"{sum(ended)} of {len(ended)} runs",
)

print(provenance())
