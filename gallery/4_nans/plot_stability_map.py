# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Which gains does a timestep allow?
==================================

A position controller is a spring, and a simulator that takes steps can follow a spring only if it is soft enough.
Where the border lies is known: semi-implicit Euler, MuJoCo's default, is stable while the timestep times the spring's frequency is below 2.
This example measures it, gain by gain and timestep by timestep, on one joint that has no damping.
"""

import math

import torch
from stepscope import plots
from stepscope.envs.scenes import Physics, Task, World
from stepscope.evidence import claim, provenance, record_measurement

# %%
# One link on a hinge, pulled to random targets by a position controller.
# It has no gravity, no friction and no contacts, so that whatever happens is the integrator's.

inertia = 0.02  # kg m^2, about the hinge
JOINT = """<mujoco>
  <compiler angle="radian" inertiafromgeom="false"/>
  <option gravity="0 0 0"/>
  <worldbody>
    <body>
      <joint name="joint" axis="0 1 0"/>
      <inertial pos="0 0 0" mass="1" diaginertia="{inertia} {inertia} {inertia}"/>
      <geom type="sphere" size="0.05" contype="0" conaffinity="0"/>
    </body>
  </worldbody>
  <actuator><position joint="joint" kp="{gain}" ctrlrange="-1 1"/></actuator>
</mujoco>"""
gains = [30.0, 120.0, 480.0, 1920.0, 7680.0]  # N m / rad
timesteps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04]  # s
worlds, simulated = 16, 0.4  # s


def failed(gain: float, timestep: float) -> float:
    """Return the share of joints that were faster than any joint is, or no number at all."""
    world = World(
        JOINT.format(inertia=inertia, gain=gain),
        worlds,
        physics=Physics(timestep=timestep, substeps=1),
        task=Task(episode_length=10**6),
        device="cpu",
        seed=0,
    )
    random = torch.Generator().manual_seed(0)
    bad = torch.zeros(worlds, dtype=torch.bool)
    for step in range(round(simulated / timestep)):
        if step % 10 == 0:
            targets = 2 * torch.rand(worlds, 1, generator=random) - 1
        world.step(targets)
        bad |= ~(world.qvel.abs().amax(1) < 1e5)
    return float(bad.float().mean())


# %%
# Each cell is a simulation of 0.4 seconds.

share = {
    gain: {timestep: failed(gain, timestep) for timestep in timesteps} for gain in gains
}
product = {
    (gain, timestep): timestep * math.sqrt(gain / inertia)
    for gain in gains
    for timestep in timesteps
}
for gain, row in share.items():
    cells = "  ".join(
        f"{100 * row[t]:3.0f} % ({product[gain, t]:5.2f})" for t in timesteps
    )
    print(f"{gain:7.0f} N m/rad  {cells}")
print("in brackets: timestep times frequency, which must stay below 2")
record_measurement("failed", share)

# %%
# The line is the formula, the cells are measured.

figure, axes = plots.figure(
    title="Joints fly apart where timestep x frequency exceeds 2",
    x="timestep (ms)",
    y="gain (N m / rad)",
    log="xy",
)
for gain, row in share.items():
    for timestep, value in row.items():
        stable = value == 0
        axes.plot(
            1e3 * timestep,
            gain,
            "o" if stable else "X",
            color=plots.COLOURS["per_env"] if stable else plots.COLOURS["failure"],
            markersize=9,
        )
line = [0.0008, 0.05]
axes.plot(
    [1e3 * timestep for timestep in line],
    [inertia * (2 / timestep) ** 2 for timestep in line],
    "--",
    color=plots.INK,
    label="timestep x frequency = 2",
)
axes.plot([], [], "o", color=plots.COLOURS["per_env"], label="all joints stable")
axes.plot([], [], "X", color=plots.COLOURS["failure"], label="some fly apart")
axes.set_ylim(12, 80000)
axes.set_xticks([1, 2, 5, 10, 20, 40], ["1", "2", "5", "10", "20", "40"])
axes.legend(
    loc="upper right", ncols=3, fontsize=8.5, columnspacing=1, handletextpad=0.4
)
plots.show(figure)

# %%
# What practitioners are told, checked on this machine.

wrong = [
    cell
    for cell, value in product.items()
    if (share[cell[0]][cell[1]] > 0) != (value > 2) and not 1.8 < value < 2.2
]
middle = gains[2]
limit = 2 / math.sqrt(middle / inertia)
coarse = min(timestep for timestep in timesteps if timestep > 1.1 * limit)
fine = max(timestep for timestep in timesteps if timestep < 0.9 * limit)
soft = max(gain for gain in gains if coarse * math.sqrt(gain / inertia) < 1.8)
claim(
    "the border between stable and unstable gains is where timestep times frequency is 2",
    not wrong,
    f"{len(product)} cells, {len(wrong)} on the wrong side",
    question="C18",
)
claim(
    "a gain that fits the timestep prevents it, at the same timestep",
    share[middle][coarse] == 1.0 and share[soft][coarse] == 0.0,
    f"{1e3 * coarse:.0f} ms: all fail with {middle:.0f} N m/rad, none with {soft:.0f}",
    question="C18",
)
claim(
    "a smaller timestep prevents it, at the same gain",
    share[middle][fine] == 0.0,
    f"{middle:.0f} N m/rad: all fail at {1e3 * coarse:.0f} ms, none at {1e3 * fine:.0f} ms",
    question="C19",
)
claim(
    "it must be small enough: a timestep halved can be as bad as before",
    share[gains[-1]][0.04] == 1.0 and share[gains[-1]][0.02] == 1.0,
    f"{gains[-1]:.0f} N m/rad: all fail at 40 ms and at 20 ms",
    question="C19",
)

print(provenance())
