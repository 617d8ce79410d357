# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Which gains does a timestep allow?
==================================

A position controller is a spring, and a simulator with a fixed timestep can follow a spring only if it is soft enough.
For semi-implicit Euler, MuJoCo's default, with a spring force that is computed at the start of the step, the border is known: it is stable while the timestep times the spring's frequency is below 2.
This example measures it in MuJoCo Warp, gain by gain and timestep by timestep, on joints without damping, and then with damping in the joint or in the controller.
The implicit drives of PhysX have no such border and were not measured.
"""

import math
import re

import torch
from stepscope import plots
from stepscope.envs.scenes import Physics, Task, World
from stepscope.evidence import claim, provenance, record_measurement

# %%
# Links on hinges, one for each gain, pulled to random targets by position controllers.
# There is no gravity, friction or contact, so only the integrator matters.

inertia = 0.02  # kg m^2, about the hinge
JOINT = """<body>
  <joint name="{name}" axis="0 1 0" damping="{joint}"/>
  <inertial pos="0 0 0" mass="1" diaginertia="{inertia} {inertia} {inertia}"/>
  <geom type="sphere" size="0.05" contype="0" conaffinity="0"/>
</body>"""
CONTROLLER = '<position joint="{name}" kp="{gain}" kv="{controller}" ctrlrange="-1 1"/>'
SCENE = """<mujoco>
  <compiler angle="radian" inertiafromgeom="false"/>
  <option gravity="0 0 0"/>
  <worldbody>{joints}</worldbody>
  <actuator>{controllers}</actuator>
</mujoco>"""
gains = [30.0, 120.0, 480.0, 1920.0, 7680.0]  # N m / rad
timesteps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04]  # s
damping = 3.0  # N m s / rad
worlds, simulated = 16, 0.4  # s


def scene(gains: list[float], joint: float = 0.0, controller: float = 0.0) -> str:
    """Return a scene with a joint for each gain, and damping in the joints or in their controllers."""
    each = [
        {"name": f"joint{i}", "gain": gain, "joint": joint, "controller": controller}
        for i, gain in enumerate(gains)
    ]
    return SCENE.format(
        joints="".join(JOINT.format(inertia=inertia, **part) for part in each),
        controllers="".join(CONTROLLER.format(**part) for part in each),
    )


def failed(
    timestep: float, joint: float, controller: float, integrator: str
) -> list[float]:
    """Return for each gain the share of joints that became faster than any joint is, or had no number."""
    world = World(
        scene(gains, joint, controller),
        worlds,
        physics=Physics(timestep=timestep, substeps=1, integrator=integrator),
        task=Task(episode_length=10**6),
        device="cpu",
        seed=0,
    )
    random = torch.Generator().manual_seed(0)
    bad = torch.zeros(worlds, len(gains), dtype=torch.bool)
    for step in range(round(simulated / timestep)):
        if step % 10 == 0:
            target = 2 * torch.rand(worlds, 1, generator=random) - 1
        world.step(target.expand(-1, len(gains)))
        bad |= ~(world.qvel.abs() < 1e5)
        # A joint that has failed starts again, so that its numbers do not spread.
        world.qpos[bad], world.qvel[bad] = 0.0, 0.0
    return bad.float().mean(0).tolist()


# %%
# Each cell is one simulation of 0.4 seconds.

SETUPS = {
    "none": (0.0, 0.0, "euler"),
    "joint": (damping, 0.0, "euler"),
    "controller": (0.0, damping, "euler"),
    "implicitfast": (0.0, damping, "implicitfast"),
}


def measure(setup: tuple[float, float, str]) -> dict[float, dict[float, float]]:
    """Return the share of joints that failed, by gain and timestep."""
    columns = {timestep: failed(timestep, *setup) for timestep in timesteps}
    return {
        gain: {timestep: columns[timestep][row] for timestep in timesteps}
        for row, gain in enumerate(gains)
    }


maps = {name: measure(setup) for name, setup in SETUPS.items()}
share = maps["none"]
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
record_measurement(
    "stability",
    {
        "inertia_kg_m2": inertia,
        "damping_n_m_s_per_rad": damping,
        "joints": worlds,
        "simulated_seconds": simulated,
        "share": maps,
    },
)

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
axes.legend(loc="upper right", ncols=3, columnspacing=1, handletextpad=0.4)
plots.show(figure)

# %%
# Do limits prevent it?
# ---------------------
# The same joint again, with a gain that is too high for its timestep, and with a motor that is told to apply
# a million newton metres.
# Each runs without a limit, and then with one limit alone: a range of the joint, a limit of its velocity,
# or a limit of the actuator's force.
# MuJoCo has no limit on the velocity of a joint.
# Here the velocity is clamped after each step, and the joint moves with the clamped one, as Euler's method would.

STIFF = scene([480.0])
STRONG = re.sub("<position .*/>", '<motor joint="joint0" ctrlrange="-1e6 1e6"/>', STIFF)
causes = {"gain too high": (STIFF, 0.02), "torque of 1 MN m": (STRONG, 0.005)}
limits = {
    "no limit": {},
    "range of 1.5 rad": {"span": 1.5},
    "velocity of 20 rad/s": {"velocity": 20.0},
    "force of 10 N m": {"force": 10.0},
}


def limited(
    mjcf: str,
    timestep: float,
    *,
    span: float | None = None,
    velocity: float | None = None,
    force: float | None = None,
) -> dict[str, float]:
    """Return the share of joints that fail within a second, and how fast and how far the median joint moved."""
    if span is not None:
        mjcf = mjcf.replace(
            'axis="0 1 0"', f'axis="0 1 0" limited="true" range="{-span} {span}"'
        )
    if force is not None:
        mjcf = mjcf.replace(
            "ctrlrange=",
            f'forcelimited="true" forcerange="{-force} {force}" ctrlrange=',
        )
    world = World(
        mjcf,
        worlds,
        physics=Physics(timestep=timestep, substeps=1),
        task=Task(episode_length=10**6),
        device="cpu",
        seed=0,
    )
    random = torch.Generator().manual_seed(0)
    fastest, farthest = torch.zeros(worlds), torch.zeros(worlds)
    for step in torch.arange(round(1.0 / timestep)):
        if step % 10 == 0:
            actions = 2 * torch.rand(worlds, 1, generator=random) - 1
        before = world.qpos.clone()
        world.step(actions)
        if velocity is not None:
            world.qvel.clamp_(-velocity, velocity)
            world.qpos.copy_(before + timestep * world.qvel)
        speed, angle = (value.abs().amax(1) for value in (world.qvel, world.qpos))
        fastest = torch.maximum(fastest, speed.nan_to_num(math.inf))
        farthest = torch.maximum(farthest, angle.nan_to_num(math.inf))
    return {
        "failed": float((~(fastest < 1e5)).float().mean()),
        "rad/s": float(fastest.median()),
        "rad": float(farthest.median()),
    }


outcomes = {
    cause: {name: limited(*setup, **limit) for name, limit in limits.items()}
    for cause, setup in causes.items()
}
for cause, row in outcomes.items():
    for name, found in row.items():
        print(
            f"{cause:17} {name:21} {found['failed']:4.0%} fail,"
            f" fastest {found['rad/s']:8.3g} rad/s, farthest {found['rad']:8.3g} rad"
        )
record_measurement(
    "limits",
    {
        cause: {name: found["failed"] for name, found in row.items()}
        for cause, row in outcomes.items()
    },
)

# %%
# A range pushes back with its own spring, which is too soft here.
# The two other limits bound what a step can change.

figure, axes = plots.figure(
    title="A range alone does not hold the joint; a force or velocity limit does",
    x="fastest velocity of the median joint (rad/s)",
    y="",
    log="x",
)
for offset, (cause, marker) in zip(
    (0.14, -0.14), zip(causes, ("o", "s"), strict=True), strict=True
):
    for place, found in enumerate(reversed(outcomes[cause].values())):
        colour = plots.COLOURS["failure" if found["failed"] else "per_env"]
        axes.plot(
            min(found["rad/s"], 1e8),
            place + offset,
            marker if found["failed"] == 0 else "X",
            color=colour,
            markersize=9,
        )
        axes.annotate(
            cause,
            (min(found["rad/s"], 1e8), place + offset),
            xytext=(-8 if found["rad/s"] > 1e6 else 8, 0),
            textcoords="offset points",
            va="center",
            ha="right" if found["rad/s"] > 1e6 else "left",
        )
axes.axvline(1e5, color=plots.COLOURS["failure"], linestyle=":")
axes.set_xlim(8, 3e8)
axes.set_xticks([10, 1e3, 1e5, 1e8], ["10", "1,000", "100,000", "more"])
axes.set_ylim(-0.5, len(limits) - 0.5)
axes.set_yticks(range(len(limits)), list(limits)[::-1])
axes.grid(visible=False, axis="y")
plots.show(figure)

# %%
# Does damping help?
# ------------------
# It depends on when the damping is computed.
# MuJoCo's Euler integrator takes the damping of a joint at the end of the step, and that of a controller at its start.
# With ``implicitfast`` it takes both at the end.
# One step is a matrix again.
# Its powers stay bounded while the square of timestep x frequency is below 4 + 2 x timestep x damping / inertia
# for damping that is taken at the end, and below 4 - 2 x timestep x damping / inertia for damping from the start.

sign = {"none": 0, "joint": 1, "controller": -1, "implicitfast": 1}
label = {
    "none": "no damping",
    "joint": "in the joint",
    "controller": "in the controller",
    "implicitfast": "same, implicitfast",
}


def border(name: str, timestep: float) -> float:
    """Return the gain from which on a step is unstable; it is not positive where every gain is."""
    left = 4 + sign[name] * 2 * timestep * damping / inertia
    return inertia * left / timestep**2


def stiffest(name: str, timestep: float) -> float:
    """Return the largest gain at which no joint failed; 0 if there is none."""
    return max((g for g in gains if maps[name][g][timestep] == 0), default=0.0)


print(f"{'':18}" + "".join(f"{1e3 * t:5.0f} ms" for t in timesteps))
for name, text in label.items():
    cells = "".join(f"{stiffest(name, t):8.0f}" for t in timesteps)
    print(f"{text:18}{cells}")
print("largest gain without a failure (N m / rad); 0 where every gain failed")

# %%
# Common advice, tested on this machine.

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
    "The border between stable and unstable gains is at timestep x frequency = 2 (MuJoCo Warp, Euler integrator, explicit spring, CPU)",
    not wrong,
    f"{len(wrong)} of {len(product)} cells are on the wrong side",
    question="C18",
)
claim(
    "A gain that fits the timestep prevents NaN, at the same timestep (MuJoCo Warp, Euler integrator, CPU)",
    share[middle][coarse] == 1.0 and share[soft][coarse] == 0.0,
    f"at {1e3 * coarse:.0f} ms all joints fail with {middle:.0f} N m/rad and none with {soft:.0f}",
    question="C18",
)
claim(
    "A smaller timestep prevents NaN, at the same gain (MuJoCo Warp, Euler integrator, CPU)",
    share[middle][fine] == 0.0,
    f"with {middle:.0f} N m/rad all joints fail at {1e3 * coarse:.0f} ms and none at {1e3 * fine:.0f} ms",
    question="C19",
)
claim(
    "Half the timestep is not always enough",
    share[gains[-1]][0.04] == 1.0 and share[gains[-1]][0.02] == 1.0,
    f"with {gains[-1]:.0f} N m/rad all joints fail at 40 ms and at 20 ms",
    question="C19",
)

misplaced = [
    (name, gain, timestep)
    for name, cells in maps.items()
    for gain, row in cells.items()
    for timestep, value in row.items()
    if (value > 0) != (gain > border(name, timestep))
    and not 0.8 < gain / max(border(name, timestep), 1e-9) < 1.25
]
changed = {
    name: sum(
        maps[name][gain][t] != share[gain][t] for gain in gains for t in timesteps
    )
    for name in maps
}
claim(
    "Damping moves that border: up if it is in the joint, down if it is in the controller"
    " (MuJoCo Warp, Euler integrator, CPU)",
    not misplaced
    and all(stiffest("joint", t) >= stiffest("none", t) for t in timesteps)
    and all(stiffest("controller", t) <= stiffest("none", t) for t in timesteps)
    and min(changed["joint"], changed["controller"]) > 0,
    f"with {damping:g} N m s/rad, {changed['joint']} of {len(product)} cells become stable and"
    f" {changed['controller']} become unstable",
    question="C18",
)
claim(
    "With implicitfast, damping in the controller does what damping in the joint does (MuJoCo Warp, CPU)",
    maps["implicitfast"] == maps["joint"],
    f"the same {len(product)} cells are stable",
    question="C18",
)

stiff, strong = outcomes.values()
free, ranged, slowed, weak = limits
claim(
    "A force limit alone keeps a joint finite, with a gain that is too high and with a drastic torque"
    " (MuJoCo Warp, Euler integrator, CPU)",
    all(
        row[free]["failed"] == 1 and row[weak]["failed"] == 0 for row in (stiff, strong)
    ),
    f"without a limit all {worlds} joints fail, with 10 N m none",
    question="C18",
)
claim(
    "A velocity limit alone keeps it finite, too, where it acts before the position is updated",
    all(row[slowed]["failed"] == 0 for row in (stiff, strong)),
    "none fail at 20 rad/s",
    question="C18",
)
claim(
    "A joint range alone does not keep it finite (MuJoCo Warp with its default soft limits)",
    all(row[ranged]["failed"] == 1 for row in (stiff, strong)),
    f"all {worlds} joints fail with a range of 1.5 rad",
    question="C18",
)

print(provenance())
