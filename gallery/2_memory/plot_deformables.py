# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
How much more does a deformable take than a rigid body?
=======================================================

A rigid block has six degrees of freedom, however large it is.
A soft one has three for each node of its grid, and the grid is a choice.
This example puts one block of 20 cm under a press, rigid and soft, and refines its grid.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_costs

# %%
# All blocks have the same solver, timestep and capacity for contacts.
# They run in one fresh process, where a step of each is timed in turns.

room = {"njmax": 512, "nconmax": 128}
worlds = 1024 if torch.cuda.is_available() else 4
grids = {None: "rigid", 3: "3 nodes an edge", 4: "4", 5: "5", 6: "6"}
found = scene_costs(
    "stepscope.envs.scenes:deformable",
    {nodes: {"num_envs": worlds, "nodes": nodes, **room} for nodes in grids},
    settle=40,
    thresholds=[((6, "step"), (None, "step"), 1.0)],
)
costs = found.costs
freedoms = {nodes: 6 if nodes is None else 3 * nodes**3 for nodes in grids}
for nodes, cost in costs.items():
    print(
        f"{grids[nodes]:16} {freedoms[nodes]:4} degrees of freedom,"
        f"  a world {cost.world_bytes / 1024:6.1f} KiB,  model {cost.model_bytes / 1024:6.0f} KiB,"
        f"  {1e3 * cost.step.median:6.1f} ms a step of {worlds} worlds"
    )
record_measurement(
    "blocks",
    {
        str(nodes): {
            "degrees_of_freedom": freedoms[nodes],
            "world_bytes": cost.world_bytes,
            "model_bytes": cost.model_bytes,
            "step": [cost.step.low, cost.step.median, cost.step.high],
        }
        for nodes, cost in costs.items()
    },
)
longest = max(cost.start_up_seconds for cost in costs.values())
print(f"starting took at most {longest:.0f} s, which no time above includes")

# %%
# The memory of a world grows in proportion to the nodes.
# The model, which all worlds share, grows faster: it stores which nodes act on which.

rigid, coarse, fine = costs[None], costs[3], costs[6]
soft = [nodes for nodes in grids if nodes]
figure, axes = plots.figure(
    title=f"With 6 nodes an edge each world takes {fine.world_bytes / rigid.world_bytes:.1f} times"
    " the memory of its rigid twin",
    x="degrees of freedom of the block",
    y="memory of each world (KiB)",
)
axes.plot(
    [freedoms[nodes] for nodes in soft],
    [costs[nodes].world_bytes / 1024 for nodes in soft],
    "o-",
    color=plots.COLOURS["per_env"],
    label="soft",
)
axes.plot(
    [freedoms[None]],
    [rigid.world_bytes / 1024],
    "s",
    color=plots.INK,
    label="rigid",
)
axes.set_ylim(bottom=0)
axes.legend(loc="upper left")
plots.show(figure)

# %%
# Compared with its rigid twin, a world takes nearly the same memory per degree of freedom at every resolution.

each = {
    nodes: (costs[nodes].world_bytes - rigid.world_bytes) / freedoms[nodes]
    for nodes in soft
}
print(
    "beyond the rigid twin: "
    + ", ".join(
        f"{value:.0f} bytes a degree of freedom at {nodes}"
        for nodes, value in each.items()
    )
)

# %%
# Common advice, tested on this machine.

claim(
    "A soft block takes more memory in each world than the same block as a rigid body, even with the coarsest grid",
    coarse.world_bytes > rigid.world_bytes,
    f"{coarse.world_bytes / rigid.world_bytes:.1f} times the memory in MuJoCo Warp, with the same capacity for contacts",
    question="C06",
)
claim(
    "A finer grid takes more memory in each world: 6 nodes an edge instead of 3",
    fine.world_bytes > coarse.world_bytes,
    f"{fine.world_bytes / coarse.world_bytes:.1f} times the memory",
    question="C06",
)
claim(
    "The model, which all worlds share, grows faster than the number of nodes",
    fine.model_bytes / coarse.model_bytes > freedoms[6] / freedoms[3],
    f"{fine.model_bytes / coarse.model_bytes:.0f} times the memory with {freedoms[6] / freedoms[3]:.0f} times the nodes",
    question="C06",
)
slower = found.times.ratio((6, "step"), (None, "step"))
claim(
    "A step of the soft block takes longer than a step of its rigid twin",
    slower.above(1),
    f"{slower.show('{:.1f}')} times as long at 6 nodes an edge",
    question="C06",
)

print(provenance())
