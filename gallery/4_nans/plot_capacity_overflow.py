# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Does bad physics always come from the physics?
==============================================

MuJoCo Warp has buffers of a fixed size for the contacts and constraints of each world.
It drops constraints that do not fit, and a dropped constraint does not push: objects sink into the floor, and nothing is NaN.
This example makes the buffer too small for a heap of balls and reads the overflow flag.
"""

import torch
from stepscope import plots
from stepscope.envs.scenes import pile
from stepscope.evidence import claim, provenance, record_measurement

# %%
# Six balls fall onto the floor, with buffers (`njmax`) of different sizes.

rooms = [8, 16, 24, 48, 96]
worlds, steps = 16, 150


def fallen(njmax: int) -> dict[str, float]:
    """Return how deep the lowest ball of each heap came, and in how many worlds something was dropped."""
    world = pile(worlds, device="cpu", seed=0, njmax=njmax, nconmax=64)
    flagged = torch.zeros(worlds, dtype=torch.bool)
    for _ in range(steps):
        world.step(torch.zeros(worlds, 1))
        flagged |= world.overflow != 0
    heights = world.qpos[:, 2::7]
    return {
        "lowest": float(heights.amin(1).median()),
        "flagged": int(flagged.sum()),
        "names": ", ".join(world.overflows) or "none",
        "not_finite": int((~world.qpos.isfinite()).any(1).sum()),
        "needed": world.most_constraints,
    }


found = {njmax: fallen(njmax) for njmax in rooms}
radius = 0.06
for njmax, each in found.items():
    print(
        f"room for {njmax:3}: lowest ball at {each['lowest']:+7.3f} m, {each['flagged']:2} of {worlds} worlds flagged"
        f" ({each['names']}), {each['not_finite']} not finite"
    )
print(f"at rest with enough room: {found[rooms[-1]]['needed']} rows are in use")
record_measurement("capacity", {njmax: dict(each) for njmax, each in found.items()})

# %%
# The centre of a ball on the floor is 6 cm above it.

least, most = found[rooms[0]], found[rooms[-1]]
figure, axes = plots.figure(
    title=f"With room for {rooms[0]} constraints balls lie {-least['lowest']:.1f} m below the floor",
    x="room for constraints in each world (njmax)",
    y="height of the lowest ball (m)",
    log="x",
)
axes.axhline(0, color=plots.INK, linewidth=0.8)
axes.annotate("floor", (rooms[0], 0.03), color=plots.INK)
axes.plot(rooms, [each["lowest"] for each in found.values()], color=plots.MUTED)
for njmax, each in found.items():
    axes.plot(
        njmax,
        each["lowest"],
        "X" if each["flagged"] else "o",
        color=plots.COLOURS["failure"] if each["flagged"] else plots.COLOURS["per_env"],
        markersize=9,
    )
axes.plot([], [], "X", color=plots.COLOURS["failure"], label="overflow flag set")
axes.plot([], [], "o", color=plots.COLOURS["per_env"], label="no flag")
axes.set_xticks(rooms, [str(njmax) for njmax in rooms])
axes.legend(loc="lower right")
plots.show(figure)

# %%
# What nobody tells, checked on this machine.

claim(
    "A constraint buffer that is too small looks like bad physics: balls sink through the floor (MuJoCo Warp, CPU)",
    least["lowest"] < -0.1 and most["lowest"] > 0.9 * radius,
    f"{least['lowest']:+.2f} m with room for {rooms[0]}, {most['lowest']:+.3f} m with {rooms[-1]}",
    question="B2",
)
claim(
    "Too little room for constraints does not cause NaN, so NaN checks do not find it",
    all(each["not_finite"] == 0 for each in found.values()),
    "every number is finite",
    question="B2",
)
claim(
    "The overflow flag is set in every world with a buffer that is too small, and in none with one that is large enough",
    least["flagged"] == worlds and most["flagged"] == 0,
    f"{least['flagged']} and {most['flagged']} of {worlds} worlds",
    question="B2",
)

print(provenance())
