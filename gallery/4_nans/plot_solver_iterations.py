# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Do more solver iterations prevent NaN?
======================================

A simulator solves the contacts of a step iteratively.
With too few iterations, light boxes do not carry a heavy load: it sinks in and is pushed out again.
This example puts 100 kg on boxes of 1 kg in MuJoCo Warp and varies the number of iterations, for both of its solvers.
Other engines solve contacts in other ways; PhysX was not measured.
"""

import torch
from stepscope import plots
from stepscope.envs.scenes import Physics, Task, World
from stepscope.evidence import claim, provenance, record_measurement

# %%
# Four boxes of 1 kg carry one of 100 kg; only gravity acts.

EDGE = 0.1  # m, half of a box
boxes = "".join(
    f'<body pos="0 0 {EDGE + 2 * EDGE * n}"><freejoint/>'
    f'<geom type="box" size="{EDGE} {EDGE} {EDGE}" mass="{100 if n == 4 else 1}"/></body>'
    for n in range(5)
)
STACK = f"""<mujoco>
  <worldbody><geom type="plane" size="0 0 1"/>{boxes}</worldbody>
  <actuator><motor joint="push" ctrlrange="0 0"/></actuator>
</mujoco>""".replace("<freejoint/>", '<freejoint name="push"/>', 1)
iterations = [1, 2, 4, 10, 30]
worlds, steps = 8, 200


def carried(solver: str, count: int) -> dict[str, float]:
    """Return the fastest that anything moved, how low the lowest box came, and whether all is finite."""
    world = World(
        STACK,
        worlds,
        physics=Physics(
            timestep=0.005,
            substeps=1,
            solver=solver,
            iterations=count,
            ls_iterations=4 * count,
            njmax=160,
            nconmax=48,
        ),
        task=Task(episode_length=10**6),
        device="cpu",
        seed=0,
    )
    fastest = 0.0
    for _ in range(steps):
        world.step(torch.zeros(worlds, 1))
        fastest = max(fastest, float(world.qvel.abs().max()))
    return {
        "fastest": fastest,
        "lowest": float(world.qpos[:, 2].min()),
        "not_finite": int((~world.qpos.isfinite()).any(1).sum()),
    }


found = {
    solver: {count: carried(solver, count) for count in iterations}
    for solver in ("cg", "newton")
}
for solver, row in found.items():
    for count, each in row.items():
        print(
            f"{solver:6} {count:2} iterations: fastest {each['fastest']:8.2f}, lowest box at {each['lowest']:+.3f} m,"
            f" {each['not_finite']} of {worlds} worlds not finite"
        )
record_measurement("stack", found)

# %%
# A stack at rest does not move.
# With one or two iterations of conjugate gradients it explodes; with one or two Newton iterations it hardly moves.

figure, axes = plots.figure(
    title=f"Two iterations of CG throw the stack at {found['cg'][2]['fastest']:.0f} m/s; nothing is NaN",
    x="solver iterations per step",
    y="highest speed (m/s, rad/s)",
    log="xy",
)
for solver, colour, marker in (
    ("cg", plots.COLOURS["failure"], "o"),
    ("newton", plots.COLOURS["per_env"], "s"),
):
    axes.plot(
        iterations,
        [each["fastest"] for each in found[solver].values()],
        marker=marker,
        color=colour,
        label={"cg": "conjugate gradients", "newton": "Newton"}[solver],
    )
axes.set_xticks(iterations, [str(count) for count in iterations])
axes.legend(loc="upper right")
plots.show(figure)

# %%
# Common advice, tested on this machine.

cg, newton = found["cg"], found["newton"]
claim(
    "Too few solver iterations make a heavy stack explode (MuJoCo Warp, Euler integrator, 5 ms, CPU)",
    cg[2]["fastest"] > 5 * cg[30]["fastest"],
    f"{cg[2]['fastest']:.0f} m/s with 2 iterations of CG, {cg[30]['fastest']:.2f} m/s with 30",
    question="C20",
)
claim(
    "Too few solver iterations do not cause NaN in MuJoCo Warp: with a single one every number stays finite",
    all(each["not_finite"] == 0 for row in found.values() for each in row.values()),
    "all numbers are finite with both solvers",
    question="C20",
)
claim(
    "Newton's solver needs fewer iterations than conjugate gradients (MuJoCo Warp)",
    newton[2]["fastest"] < cg[2]["fastest"] / 2,
    f"with 2 iterations the stack reaches {newton[2]['fastest']:.2f} m/s and {cg[2]['fastest']:.1f} m/s",
    question="C20",
)

print(provenance())
