# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
How large may an action be?
===========================

Actions come from a network, and a network has no limits.
This example applies forces from 10 N to absurd ones to our cart-pole in PyTorch and looks for the size that breaks it; then it clips the same actions to the task's range.
"""

import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.envs.scenes import Physics, Task, World
from stepscope.evidence import claim, provenance, record_measurement

# %%
# The track is endless and no angle is a failure, so that nothing ends an episode before it breaks.
# A cart-pole counts as broken once a velocity is NaN or beyond 100,000.

forces = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6]  # N
num_envs, steps = 256, 250


def broken(force: float, *, limit: float | None) -> float:
    """Return the share of cart-poles that broke under random forces of this size."""
    env = CartPole(
        num_envs,
        seed=0,
        force_limit=force,
        track_half_length=1e30,
        angle_limit=1e30,
        episode_length=10**6,
    )
    random = torch.Generator().manual_seed(0)
    bad = torch.zeros(num_envs, dtype=torch.bool)
    for _ in range(steps):
        actions = 2 * torch.rand(num_envs, 1, generator=random) - 1
        if limit is not None:
            actions = actions.clamp(-limit / force, limit / force)
        observations, *_ = env.step(actions)
        bad |= ~(observations[:, [1, 3]].abs().amax(1) < 1e5)
    return float(bad.float().mean())


free = {force: broken(force, limit=None) for force in forces}
clipped = {force: broken(force, limit=10.0) for force in forces}
for force in forces:
    print(
        f"{force:9,.0f} N: {100 * free[force]:5.1f} % break, {100 * clipped[force]:.1f} % when clipped to 10 N"
    )
record_measurement("broken", {"free": free, "clipped": clipped})

# %%
# The weight of a cart-pole is about 11 N.

first = next(force for force in forces if free[force] > 0.5)
figure, axes = plots.figure(
    title=f"Forces of {first:,.0f} N break {100 * free[first]:.0f} % of the cart-poles; clipped, none",
    x="size of the random forces (N)",
    y="share that breaks (%)",
    log="x",
)
axes.plot(
    forces,
    [100 * share for share in free.values()],
    "X-",
    color=plots.COLOURS["failure"],
    label="as the policy says",
)
axes.plot(
    forces,
    [100 * share for share in clipped.values()],
    "o-",
    color=plots.COLOURS["per_env"],
    label="clipped to 10 N",
)
axes.legend(loc="center left")
plots.show(figure)

# %%
# How hard may an object be pushed?
# ---------------------------------
# A cart-pole has no contacts.
# Here a random force pushes a box of 1 kg, which lies on the ground next to another one, in MuJoCo Warp.
# It presses the box into the floor before anything is NaN.

AXES = ("1 0 0 0 0 0", "0 1 0 0 0 0", "0 0 1 0 0 0")
EDGE = 0.1  # m, half of a box
pushes = [1e1, 1e3, 1e5, 1e7]  # N
gentle = 20.0  # N, twice the weight of a box
worlds = 16


def pushed(force: float, *, limit: float | None = None) -> dict[str, float]:
    """Return the share of worlds that were not finite within a second, and how deep any box sank into the floor."""
    motors = "".join(
        f'<motor joint="object" gear="{axis}" ctrlrange="{-force} {force}"/>'
        for axis in AXES
    )
    box = f'<geom type="box" size="{EDGE} {EDGE} {EDGE}" mass="1"/>'
    world = World(
        f"""<mujoco><worldbody><geom type="plane" size="0 0 1"/>
          <body pos="0 0 {EDGE}"><freejoint name="object"/>{box}</body>
          <body pos="{2.5 * EDGE} 0 {EDGE}"><freejoint/>{box}</body>
        </worldbody><actuator>{motors}</actuator></mujoco>""",
        worlds,
        physics=Physics(
            timestep=0.005,
            substeps=1,
            iterations=20,
            ls_iterations=20,
            njmax=160,
            nconmax=48,
        ),
        task=Task(episode_length=10**6),
        device="cpu",
        seed=0,
    )
    random = torch.Generator().manual_seed(0)
    bad, lowest = torch.zeros(worlds, dtype=torch.bool), EDGE
    for step in range(200):
        if step % 10 == 0:
            actions = 2 * torch.rand(worlds, len(AXES), generator=random) - 1
            if limit is not None:
                actions = actions.clamp(-limit / force, limit / force)
        world.step(actions)
        bad |= ~torch.cat([world.qpos, world.qvel], 1).isfinite().all(1)
        heights = world.qpos[:, [2, 9]]
        lowest = min(lowest, float(heights[heights.isfinite()].min()))
    return {"not finite": float(bad.float().mean()), "sank": EDGE - lowest}


objects = {f"{force:,.0f} N": pushed(force) for force in pushes}
most = max(pushes)
objects["clipped"] = pushed(most, limit=gentle)
for name, found in objects.items():
    print(
        f"{name:12}  {found['not finite']:4.0%} not finite, sank {found['sank']:.3g} m into the floor"
    )
record_measurement("pushed", objects)

figure, axes = plots.figure(
    title=f"Pushed with 1,000 N, a box of 1 kg sinks {objects['1,000 N']['sank']:.1f} m into the floor",
    x="size of the random forces on the box (N)",
    y="deepest in the floor (m)",
    log="xy",
)
axes.plot(
    pushes,
    [objects[f"{force:,.0f} N"]["sank"] for force in pushes],
    "-",
    color=plots.MUTED,
)
for force in pushes:
    found = objects[f"{force:,.0f} N"]
    finite = found["not finite"] == 0
    axes.plot(
        force,
        found["sank"],
        "o" if finite else "X",
        color=plots.COLOURS["per_env" if finite else "failure"],
        markersize=9,
    )
    if not finite:
        axes.annotate(
            f"{found['not finite']:.0%} NaN ",
            (force, found["sank"]),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
        )
axes.axhline(
    max(objects["clipped"]["sank"], 1e-3),
    color=plots.COLOURS["per_env"],
    linestyle="--",
    label=f"{most:,.0f} N clipped to {gentle:.0f} N",
)
axes.set_xticks(pushes, [f"{force:,.0f}" for force in pushes])
axes.set_yticks([1e-3, 0.1, 10, 1000], ["0.001", "0.1", "10", "1,000"])
axes.legend(loc="upper left")
plots.show(figure)

# %%
# Common advice, tested on this machine.

claim(
    "Drastic actions break the simulation beyond a certain size (cart-pole in PyTorch, 20 ms, CPU)",
    free[1e1] == 0 and free[forces[-1]] > 0.9,
    f"none at 10 N, {100 * free[forces[-1]]:.0f} % at {forces[-1]:,.0f} N",
    question="C16",
)
claim(
    "A limit on the actions prevents that, with the same policy",
    all(share == 0 for share in clipped.values()),
    "none break with actions clipped to 10 N",
    question="C16",
)
claim(
    "Ten times the usual force is not drastic yet",
    free[1e2] == 0,
    f"{100 * free[1e2]:.0f} % at 100 N",
    question="C16",
)

claim(
    "Large forces on an object break the simulation (MuJoCo Warp, Euler integrator, 5 ms, CPU)",
    objects["10 N"]["not finite"] == 0 and objects[f"{most:,.0f} N"]["not finite"] > 0,
    f"{objects[f'{most:,.0f} N']['not finite']:.0%} of the worlds are NaN with {most:,.0f} N, none with 10 N",
    question="C16",
)
claim(
    "Physics is wrong long before it is NaN: 1,000 N press a box of 1 kg into the floor",
    objects["1,000 N"]["not finite"] == 0 and objects["1,000 N"]["sank"] > EDGE,
    f"{objects['1,000 N']['sank']:.1f} m deep, and every number is finite",
    question="C16",
)
claim(
    "A limit on the force prevents both",
    objects["clipped"]["not finite"] == 0 and objects["clipped"]["sank"] < EDGE,
    f"clipped to {gentle:.0f} N, no box sinks further than {1e3 * objects['clipped']['sank']:.0f} mm",
    question="C16",
)

print(provenance())
