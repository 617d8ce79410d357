# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
Do detailed collision shapes take more memory?
==============================================

The usual advice is that meshes take more memory than primitives, and that simpler shapes save memory.
Two kinds of memory are meant, and a shape changes them differently:
the model, which all environments share, and the memory of each environment.
This example drops six objects on a heap, in many worlds, and changes nothing but their collision shape.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_costs

# %%
# All objects have the same volume and weight.
# The meshes are balls with more or fewer points.
# The pieces are such a ball cut into convex parts, like the decomposition of a detailed mesh.
# Each heap comes to rest, which shows how many contacts and constraints it needs.
# Then it is made again with 1.5 times that capacity, or more if that is too little.
# All run in one fresh process, where a step of each is timed in turns.

SHAPES = {
    "sphere": {"shape": "sphere"},
    "capsule": {"shape": "capsule"},
    "box": {"shape": "box"},
    "mesh, 162 points": {"shape": "mesh", "vertices": 162},
    "mesh, 2562 points": {"shape": "mesh", "vertices": 2562},
    "8 pieces": {"shape": "pieces", "vertices": 162, "pieces": 8},
    "32 pieces": {"shape": "pieces", "vertices": 642, "pieces": 32},
}
worlds = 4096 if torch.cuda.is_available() else 16
found = scene_costs(
    "stepscope.envs.scenes:pile",
    {name: {"num_envs": worlds, **options} for name, options in SHAPES.items()},
    settle=200,
    thresholds=[(("32 pieces", "step"), ("sphere", "step"), 1.0)],
)
costs = found.costs
for name, cost in costs.items():
    print(
        f"{name:18} model {cost.model_bytes / 1024:6.0f} KiB,"
        f"  a world {cost.world_bytes / 1024:5.1f} KiB,"
        f"  {cost.contacts:4.1f} contacts, room for {cost.nconmax:3} and {cost.njmax:3} constraints,"
        f"  {1e3 * cost.step.median:5.1f} ms a step"
    )
record_measurement(
    "shapes",
    {
        name: {
            "model_bytes": cost.model_bytes,
            "world_bytes": cost.world_bytes,
            "contacts": cost.contacts,
            "nconmax": cost.nconmax,
            "njmax": cost.njmax,
            "step": [cost.step.low, cost.step.median, cost.step.high],
        }
        for name, cost in costs.items()
    },
)
longest = max(cost.start_up_seconds for cost in costs.values())
print(f"starting took at most {longest:.0f} s, which no time above includes")

# %%
# The memory of each world follows the capacity for contacts and constraints, not the detail of the shape.
# A shape that touches in more places needs a larger capacity.

sphere, fine, cut = costs["sphere"], costs["mesh, 2562 points"], costs["32 pieces"]
names = list(costs)[::-1]
figure, axes = plots.figure(
    title=f"A fine mesh takes {fine.world_bytes / sphere.world_bytes:.1f} times a sphere's memory",
    x="memory of each world (KiB)",
    y="",
)
axes.barh(
    names,
    [costs[name].world_bytes / 1024 for name in names],
    color=plots.COLOURS["per_env"],
    height=0.6,
)
for place, name in enumerate(names):
    cost = costs[name]
    axes.annotate(
        f"{cost.contacts:.0f} contacts, {1e3 * cost.step.median:.0f} ms",
        (cost.world_bytes / 1024, place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
    )
axes.margins(x=0.45)
axes.grid(visible=False, axis="y")
plots.show(figure)

# %%
# All worlds share one model.
# MuJoCo collides convex hulls, so a point that is not on the hull costs nothing.
# Engines that collide triangle meshes or signed distance fields keep more for each shape; measure yours.

figure, axes = plots.figure(
    title=f"A fine mesh takes {fine.model_bytes / 1024:.0f} KiB, once for all worlds",
    x="memory of the model (KiB)",
    y="",
)
axes.barh(
    names,
    [costs[name].model_bytes / 1024 for name in names],
    color=plots.COLOURS["fixed"],
    height=0.6,
)
axes.grid(visible=False, axis="y")
plots.show(figure)

# %%
# Common advice, tested on this machine.

claim(
    "A mesh of 2,562 points takes more memory than a sphere in the model, which all worlds share",
    fine.model_bytes > sphere.model_bytes,
    f"{fine.model_bytes / 1024:.0f} KiB instead of {sphere.model_bytes / 1024:.0f} KiB in MuJoCo Warp",
    question="C05",
)
coarse = costs["mesh, 162 points"]
claim(
    "The detail of a mesh hardly changes the memory of each world: 16 times the points, less than twice the memory",
    fine.world_bytes < 2 * coarse.world_bytes,
    f"{fine.world_bytes / coarse.world_bytes:.2f} times the memory",
    question="C05",
)
claim(
    "A mesh that is cut into 32 pieces takes more memory in each world than one hull, because it has more contacts",
    cut.world_bytes > coarse.world_bytes,
    f"{cut.world_bytes / coarse.world_bytes:.1f} times the memory,"
    f" with a capacity for {cut.nconmax} contacts instead of {coarse.nconmax}",
    question="C05",
)
claim(
    "Simpler collision shapes save memory and contacts in each world: spheres instead of 32 pieces",
    cut.world_bytes > sphere.world_bytes and cut.contacts > sphere.contacts,
    f"the pieces take {cut.world_bytes / sphere.world_bytes:.1f} times the memory"
    f" and have {cut.contacts / sphere.contacts:.1f} times the contacts",
    question="C09",
)
slower = found.times.ratio(("32 pieces", "step"), ("sphere", "step"))
claim(
    "Simpler collision shapes save time: spheres instead of 32 pieces",
    slower.above(1),
    f"the pieces take {slower.show('{:.1f}')} times the step time",
    question="C09",
)

print(provenance())
