# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
What limits my run?
===================

More environments help one run a lot and another hardly at all.
The difference is which part of an iteration grows with their number.
This example times four environments that are slow on purpose, each for another reason, and tests the verdict on them.
A fifth one hides an ``.item()`` in its step.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import loop_splits
from stepscope.plan import Point, find_bottleneck

# %%
# The same small training loop runs around each: a rollout of four steps and PPO's update.
# Only the one with the cameras is a simulation.
# The others have the computing pattern of one.

on_gpu = torch.cuda.is_available()
edge = 128 if on_gpu else 96  # of an image, in pixels
bottlenecks = "stepscope.envs.bottlenecks:"
cases = {
    "thousands of small launches": {
        "env": f"{bottlenecks}many_launches",
        "sizes": [1024, 4096, 16384] if on_gpu else [16, 64, 256],
    },
    "much work on each environment": {
        "env": f"{bottlenecks}heavy",
        "sizes": [65536, 262144, 1048576] if on_gpu else [64, 256, 1024],
    },
    "a large network": {
        "env": f"{bottlenecks}light",
        "sizes": [4096, 16384, 65536] if on_gpu else [64, 256, 1024],
        "hidden": (512, 512) if on_gpu else (256, 256),
        "epochs": 5 if on_gpu else 2,
    },
    "a camera in each world": {
        "env": "stepscope.envs.scenes:cameras",
        "sizes": [256, 1024, 4096] if on_gpu else [2, 8, 16],
        "options": {"width": edge, "height": edge},
    },
    "a hidden .item() a step": {
        "env": f"{bottlenecks}hidden_wait",
        "sizes": [32768, 131072, 524288] if on_gpu else [8, 16, 32],
    },
}

if find_spec("mujoco_warp") is None:
    print("The camera is left out: it needs mujoco-warp, which is not installed.")
    del cases["a camera in each world"]

# %%
# All loops are measured in turns, an iteration of each.
# Two of them run at twice the largest size as well.
# On a CPU the time is the processor time of one thread, so other programs do not count.

doubled = ("thousands of small launches", "much work on each environment")
loops = {}
for name, case in cases.items():
    settings = {key: value for key, value in case.items() if key != "sizes"}
    sizes = case["sizes"] + [2 * max(case["sizes"])] * (name in doubled)
    for n in sizes:
        usual = {"num_envs": n, "horizon": 4, "hidden": (64,), "epochs": 1}
        loops[name, n] = usual | settings
timed = loop_splits(loops, budget=6.0)
splits = {
    name: {n: timed.splits[name, n] for n in case["sizes"]}
    for name, case in cases.items()
}
verdicts = {
    name: find_bottleneck([Point.from_split(split) for split in found.values()])
    for name, found in splits.items()
}
print(f"{len(timed.times.rounds)} rounds; {timed.times.disturbance}")
for name, verdict in verdicts.items():
    print(f"{name}\n  {verdict.bottleneck}: {verdict.reason}\n  {verdict.advice}")
record_measurement(
    "splits",
    {
        name: {
            n: {
                part: getattr(each, part).median
                for part in ("stepping", "inference", "learning")
            }
            | {"waits": each.host_syncs, "lost": each.sync_overhead}
            for n, each in found.items()
        }
        for name, found in splits.items()
    },
)

# %%
# The fixed part does not grow with the number of environments.
# More environments help most if that part is the largest.

looks = {
    "fixed": {"color": plots.COLOURS["fixed"]},
    "per environment": {"color": plots.COLOURS["per_env"]},
    "learning": {"color": plots.INK},
    "rendering": {
        "facecolor": "none",
        "edgecolor": plots.COLOURS["per_env"],
        "hatch": "///",
    },
}
figure, axes = plots.figure(
    title="More environments help where the grey part leads",
    x="share of an iteration (%)",
    y="",
)
for row, (name, verdict) in enumerate(verdicts.items()):
    left = 0.0
    for part in sorted(verdict.parts, key=lambda part: list(looks).index(part.name)):
        axes.barh(row, 100 * part.share, left=left, height=0.4, **looks[part.name])
        left += 100 * part.share
    axes.text(0, row - 0.29, f"{name}: {verdict.bottleneck}")
for name, look in looks.items():
    axes.barh(0, 0, label=name, **look)
axes.set_yticks([])
axes.invert_yaxis()
axes.set_xlim(0, 100)
figure.legend(loc="outside lower center", ncols=4)
plots.show(figure)

# %%
# The number to act on is what doubling adds.
# The line predicts the gain from doubling; here are the prediction and the measurement.

gains = {}
for name in doubled:
    at = verdicts[name].num_envs
    before, after = ((name, at), "total"), ((name, 2 * at), "total")
    gains[name] = timed.times.estimate(
        lambda seconds, before=before, after=after: (
            2 * seconds[before] / seconds[after] - 1
        )
    )
    print(
        f"{name}: doubling {at} adds {100 * verdicts[name].doubling:.0f} % by the line,"
        f" {gains[name].show('{:.0%}')} measured"
    )

# %%
# A value that the host reads, by ``.item()``, ``if tensor:`` or ``.cpu()``, makes it wait on a GPU until all
# that was queued is done, and the GPU then waits for the host.
# On a CPU nothing waits and the verdict does not change, but the line is found anyway.

hidden = splits["a hidden .item() a step"]
reads = hidden[max(hidden)]
for place, often in reads.host_syncs_at:
    path, _, line = place.rpartition(":")
    code = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
    print(f"{often:.0f} a vector step: {Path(path).name}:{line}: {code}")
others = max(
    each.host_syncs
    for name, found in splits.items()
    if "stepscope.envs.bottlenecks" in cases[name]["env"] and found is not hidden
    for each in found.values()
)

# %%
# Common advice, tested on this machine.

expected = {
    "thousands of small launches": "launch-bound",
    "much work on each environment": "throughput-bound",
    "a large network": "learner-bound",
    "a camera in each world": "render-bound",
}
for name, wanted in expected.items():
    if name not in verdicts:
        continue
    largest = verdicts[name].parts[0]
    claim(
        f"The verdict for a run with {name} is {wanted}",
        verdicts[name].decides(wanted),
        f"{100 * largest.share:.0f} % of its time is {largest.name}",
        question="C03",
    )
small, large = gains.values()
claim(
    "In a launch-bound run, twice the environments raise the rate by more than half",
    small.above(0.5),
    f"by {small.show('{:.0%}')}",
    question="C02",
)
claim(
    "In a throughput-bound run, twice the environments raise the rate by less than a quarter",
    large.below(0.25),
    f"by {large.show('{:.0%}')}"
    + (", which is not distinguishable from 0" if large.low <= 0 <= large.high else ""),
    question="C02",
)
claim(
    "One hidden .item() in each step is found, and none in environments without one",
    round(reads.host_syncs) == 1 and others == 0,
    f"{reads.host_syncs:.0f} and {others:.0f} in a vector step",
)
claim(
    "A host that reads a value in the middle of each step limits a run on a GPU",
    verdicts["a hidden .item() a step"].bottleneck == "synchronisation-bound",
    "nothing waits on a CPU"
    if reads.sync_overhead is None
    else f"{100 * reads.sync_overhead:.0f} % of the rollout is lost",
    needs="cuda",
)

print(provenance())
