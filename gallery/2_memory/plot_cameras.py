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
Its memory grows with the pixels, and soon it is more than all of the physics.
This example follows quadrupeds with a camera, at several resolutions, and with the renderer switched off.
"""

import torch
from stepscope import plots
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.measure import scene_costs

# %%
# All resolutions are measured in one fresh process: colour and depth, ray-traced in all worlds at once.
# A step without rendering and one with it are timed in turns.

on_gpu = torch.cuda.is_available()
worlds = 1024 if on_gpu else 16
edges = [32, 64, 128, 256] if on_gpu else [32, 64, 128]
variants = {edge: {"num_envs": worlds, "width": edge, "height": edge} for edge in edges}
found = scene_costs(
    "stepscope.envs.scenes:cameras",
    {**variants, "few": {**variants[64], "num_envs": worlds // 4}},
    settle=20,
    thresholds=[((128, "rendered step"), (128, "step"), 1.5)],
)
costs = {edge: found.costs[edge] for edge in edges}
few = found.costs["few"]
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
        for edge, cost in costs.items()
    },
)
longest = max(cost.start_up_seconds for cost in costs.values())
print(f"starting took at most {longest:.0f} s, in none of these times")

# %%
# The memory of the images is what their pixels take: four times as much for twice the edge.

small, middle, large = costs[32], costs[64], costs[128]
pixels = {edge: edge * edge for edge in edges}
each = (large.camera_bytes - small.camera_bytes) / (pixels[128] - pixels[32])
print(
    f"{each:.1f} bytes a pixel: colour in 4, depth in 4, and what the renderer notes of it"
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
# The same step without rendering is what headless training saves.
# To look at a run, render few environments, and not at every step.

share = {
    edge: 1 - cost.step.median / cost.rendered_step.median
    for edge, cost in costs.items()
}
figure, axes = plots.figure(
    title=f"Rendering 128 x 128 takes {share[128]:.0%} of a step",
    x="pixels along an edge",
    y=f"milliseconds a step of {worlds} worlds{', of the processor' * (not on_gpu)}",
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
# What practitioners are told, checked on this machine.

claim(
    "rendering takes more memory than physics alone: images of 128 x 128 against the state of a quadruped",
    large.camera_bytes > 3 * large.world_bytes,
    f"{large.camera_bytes / large.world_bytes:.0f}x",
    question="C07",
)
claim(
    "it grows with the resolution: four times the memory for twice the edge",
    3 < large.camera_bytes / middle.camera_bytes < 5,
    f"{large.camera_bytes / middle.camera_bytes:.2f}x",
    question="C07",
)
claim(
    "and with the number of environments: each takes its own images, whether there are few or many",
    0.5 < few.camera_bytes / middle.camera_bytes < 2,
    f"{few.camera_bytes / 1024:.1f} KiB each of {worlds // 4}, {middle.camera_bytes / 1024:.1f} KiB each of {worlds}",
    question="C07",
)
slower = found.times.ratio((128, "rendered step"), (128, "step"))
claim(
    "training without rendering is faster: 128 x 128 against none",
    slower.above(1.5),
    f"{slower.show('{:.1f}x')} the step time with rendering",
    question="C10",
)

print(provenance())
