# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
# sphinx_gallery_clock = "processor"
"""
What do cameras cost?
=====================

A camera in every environment renders an image at every step.
Its memory grows with the number of pixels and soon exceeds that of the physics.
This example follows quadrupeds with a camera, at several resolutions and with the renderer switched off.
It also draws one of them as a detailed mesh, which the physics does not see.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_costs

# %%
# All resolutions are measured in one fresh process.
# MuJoCo Warp ray-traces colour and depth in all worlds at once.
# Steps with and without rendering are timed in turns.

on_gpu = torch.cuda.is_available()
worlds = 1024 if on_gpu else 16
VISUAL = 10_242  # points of the detailed mesh
edges = [32, 64, 128, 256] if on_gpu else [32, 64, 128]
variants = {edge: {"num_envs": worlds, "width": edge, "height": edge} for edge in edges}
found = scene_costs(
    "stepscope.envs.scenes:cameras",
    {
        **variants,
        "few": {**variants[64], "num_envs": worlds // 4},
        "mesh": {**variants[64], "visual_vertices": VISUAL},
    },
    settle=20,
    thresholds=[
        ((128, "rendered step"), (128, "step"), 1.0),
        (("mesh", "step"), (64, "step"), 1.5),
    ],
)
costs = {edge: found.costs[edge] for edge in edges}
few, mesh = found.costs["few"], found.costs["mesh"]
for edge, cost in costs.items():
    print(
        f"{edge:3} x {edge:<3}  images {cost.camera_bytes / 1024:6.1f} KiB a world,"
        f"  physics {cost.world_bytes / 1024:5.1f} KiB,"
        f"  a step {1e3 * cost.step.median:5.1f} ms without, {1e3 * cost.rendered_step.median:6.1f} ms with rendering"
    )
record_measurement(
    "cameras",
    {
        edge: {
            "camera_bytes": cost.camera_bytes,
            "world_bytes": cost.world_bytes,
            "step": [cost.step.low, cost.step.median, cost.step.high],
            "rendered_step": [
                cost.rendered_step.low,
                cost.rendered_step.median,
                cost.rendered_step.high,
            ],
        }
        for edge, cost in found.costs.items()
        if edge != "few"
    },
)
longest = max(cost.start_up_seconds for cost in costs.values())
print(f"starting took at most {longest:.0f} s, which no time above includes")

# %%
# The memory of the images follows the number of pixels: twice the edge takes four times the memory.

small, middle, large = costs[32], costs[64], costs[128]
pixels = {edge: edge * edge for edge in edges}
each = (large.camera_bytes - small.camera_bytes) / (pixels[128] - pixels[32])
print(
    f"{each:.1f} bytes a pixel: 4 for colour, 4 for depth, the rest for the renderer's notes"
)
figure, axes = plots.figure(
    title=f"At 128 x 128 images take {large.camera_bytes / large.world_bytes:.0f} times the memory of the physics",
    x="pixels along an edge",
    y="memory of each world (KiB)",
)
places = range(len(edges))
axes.bar(
    [place - 0.2 for place in places],
    [cost.world_bytes / 1024 for cost in costs.values()],
    0.38,
    color=plots.COLOURS["fixed"],
    label="physics",
)
axes.bar(
    [place + 0.2 for place in places],
    [cost.camera_bytes / 1024 for cost in costs.values()],
    0.38,
    color=plots.COLOURS["per_env"],
    label="images",
)
axes.set_xticks(list(places), [str(edge) for edge in edges])
axes.legend(loc="upper left")
plots.show(figure)

# %%
# Headless training saves the part of a step that rendering takes.
# To look at a run, render few environments, and not at every step.

share = {
    edge: 1 - cost.step.median / cost.rendered_step.median
    for edge, cost in costs.items()
}
figure, axes = plots.figure(
    title=f"Rendering 128 x 128 takes {share[128]:.0%} of a step",
    x="pixels along an edge",
    y=f"step of {worlds} worlds ({'CPU ' * (not on_gpu)}ms)",
)
axes.bar(
    list(places),
    [1e3 * cost.step.median for cost in costs.values()],
    0.6,
    color=plots.COLOURS["fixed"],
    label="physics",
)
axes.bar(
    list(places),
    [1e3 * (cost.rendered_step.median - cost.step.median) for cost in costs.values()],
    0.6,
    bottom=[1e3 * cost.step.median for cost in costs.values()],
    color=plots.COLOURS["per_env"],
    label="rendering",
)
axes.set_xticks(list(places), [str(edge) for edge in edges])
axes.legend(loc="upper left")
plots.show(figure)

# %%
# A visual mesh
# -------------
# A mesh that only the renderer sees is part of the model, which all worlds share.

for name, cost in {"box": costs[64], "mesh": mesh}.items():
    print(
        f"trunk drawn as a {name:4}  model {cost.model_bytes / 1024:6.0f} KiB,"
        f"  renderer {worlds * cost.camera_bytes / 1024:6.0f} KiB for all worlds,"
        f"  a world {cost.world_bytes / 1024:5.1f} KiB,"
        f"  a step {1e3 * cost.step.median:5.1f} ms without, {1e3 * cost.rendered_step.median:6.1f} ms with rendering"
    )

# %%
# Common advice, tested on this machine.

claim(
    "A 128 x 128 image takes more memory than the state of a quadruped in MuJoCo Warp",
    large.camera_bytes > large.world_bytes,
    f"{large.camera_bytes / large.world_bytes:.0f} times as much",
    question="C07",
)
claim(
    "Image memory grows with the resolution: twice the edge takes four times the memory",
    3 < large.camera_bytes / middle.camera_bytes < 5,
    f"{large.camera_bytes / middle.camera_bytes:.2f} times as much",
    question="C07",
)
claim(
    "Each environment takes its own image memory, with few environments and with many",
    0.5 < few.camera_bytes / middle.camera_bytes < 2,
    f"{few.camera_bytes / 1024:.1f} KiB each with {worlds // 4} environments,"
    f" {middle.camera_bytes / 1024:.1f} KiB each with {worlds}",
    question="C07",
)
slower = found.times.ratio((128, "rendered step"), (128, "step"))
claim(
    "A step without rendering is faster than one that renders 128 x 128 pixels in each environment",
    slower.above(1),
    f"rendering multiplies the step time by {slower.show('{:.1f}')}",
    question="C10",
)
claim(
    f"A visual mesh of {VISUAL:,} points enlarges the model, which all worlds share",
    mesh.model_bytes > middle.model_bytes,
    f"{mesh.model_bytes / 1024:,.0f} KiB instead of {middle.model_bytes / 1024:.0f} KiB",
    question="C05",
)
claim(
    "A visual mesh takes next to nothing in each world",
    mesh.world_bytes < 1.01 * middle.world_bytes,
    f"{mesh.world_bytes - middle.world_bytes} bytes more for each world",
    question="C05",
)
same = found.times.ratio(("mesh", "step"), (64, "step"))
claim(
    "A visual mesh does not make a step without rendering half as long again",
    same.below(1.5),
    f"{same.show('{:.2f}')} times the step time",
    question="C05",
)

print(provenance())
