# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
What does an invalid reset do?
==============================

A reset may put a robot into a state that it can never reach: inside the floor, with a joint beyond its limit, or with an invalid quaternion.
The simulator pushes it back, hard.
This example starts a quadruped and a heap of balls in such states, in MuJoCo Warp, and measures how fast they leave them.
"""

import math
from collections.abc import Callable

import torch
from stepscope import plots
from stepscope.envs.scenes import World, pile, quadruped
from stepscope.evidence import claim, provenance, record_measurement

# %%
# The state is written into the simulator right after a reset; all actions are zero.

worlds, steps = 16, 50


def thrown(
    make: Callable[..., World], change: Callable[[World], object]
) -> dict[str, float]:
    """Return the fastest that the middle one of the worlds moves, and how many are not finite."""
    world = make(worlds, device="cpu", seed=0)
    world.reset(seed=0)
    change(world)
    fastest = torch.zeros(worlds)
    lost = torch.zeros(worlds, dtype=torch.bool)
    for _ in range(steps):
        world.step(torch.zeros(worlds, world.ctrl.shape[1]))
        lost |= ~world.qvel.isfinite().all(1)
        fastest = torch.maximum(fastest, world.qvel.abs().amax(1).nan_to_num(math.inf))
    return {"fastest": float(fastest.median()), "not_finite": int(lost.sum())}


KNEE = 7 + 2  # behind the seven numbers of the trunk come hip, thigh and knee
beyond = [0.0, 1.0, 3.0, 10.0, 100.0]  # rad
depths = [0.0, 0.03, 0.06, 0.12, 0.24]  # m; a ball has a radius of 6 cm
joint = {
    angle: thrown(quadruped, lambda w, a=angle: w.qpos[:, KNEE].sub_(a))
    for angle in beyond
}
floor = {
    depth: thrown(pile, lambda w, d=depth: w.qpos[:, 2].fill_(0.06 - d))
    for depth in depths
}
quaternion = {
    "zero": thrown(quadruped, lambda w: w.qpos[:, 3:7].zero_()),
    "not normalised": thrown(quadruped, lambda w: w.qpos[:, 3:7].mul_(3.0)),
    "far too large": thrown(quadruped, lambda w: w.qpos[:, 3:7].mul_(1e20)),
}
for what, row in (
    ("knee off its start (rad)", joint),
    ("ball inside the floor (m)", floor),
    ("quaternion", quaternion),
):
    for how, each in row.items():
        print(
            f"{what:28} {how!s:14} fastest {each['fastest']:10.1f}, {each['not_finite']:2} of {worlds} not finite"
        )
record_measurement("resets", {"joint": joint, "floor": floor, "quaternion": quaternion})

# %%
# A knee may bend by 1 rad from its start. Beyond that it is pushed back, faster the further out it started.

clean = joint[0.0]["fastest"]
figure, axes = plots.figure(
    title=f"A knee that starts 3 rad off, beyond its limit, leaves at {joint[3.0]['fastest']:.0f} rad/s",
    x="rad from where it should start",
    y="fastest joint (rad/s)",
    log="y",
)
places = range(len(beyond))
axes.bar(
    list(places),
    [min(each["fastest"], 1e4) for each in joint.values()],
    0.6,
    color=[
        plots.COLOURS["failure"] if each["not_finite"] else plots.COLOURS["per_env"]
        for each in joint.values()
    ],
)
for place, each in zip(places, joint.values(), strict=True):
    words = (
        f"{each['not_finite']} of {worlds} NaN"
        if each["not_finite"]
        else f"{each['fastest']:.0f}"
    )
    axes.annotate(words, (place, 1.15 * min(each["fastest"], 1e4)), ha="center")
axes.set_xticks(list(places), [f"{angle:g}" for angle in beyond])
axes.set_ylim(1, 5e4)
plots.show(figure)

# %%
# Common advice, tested on this machine.

claim(
    "A reset 3 rad off, beyond the joint's limit, throws the robot (MuJoCo Warp, Euler integrator, CPU)",
    joint[3.0]["fastest"] > 5 * clean,
    f"the fastest joint moves at {joint[3.0]['fastest']:.0f} rad/s, after a clean reset at {clean:.1f} rad/s",
    question="C17",
)
claim(
    "A reset inside the floor throws it as well",
    floor[0.12]["fastest"] > 1.2 * floor[0.0]["fastest"],
    f"the fastest speed is {floor[0.12]['fastest']:.1f}, after a clean reset {floor[0.0]['fastest']:.1f}",
    question="C17",
)
claim(
    "Most invalid resets do not cause NaN: up to 10 rad off, every number stays finite",
    all(joint[angle]["not_finite"] == 0 for angle in beyond if angle <= 10),
    "all finite",
    question="C17",
)
claim(
    "Absurd states do cause NaN: a quaternion of 1e20",
    quaternion["far too large"]["not_finite"] == worlds,
    f"{quaternion['far too large']['not_finite']} of {worlds} worlds are NaN",
    question="C17",
)
claim(
    "MuJoCo Warp corrects a quaternion that is zero or not normalised",
    not quaternion["zero"]["not_finite"]
    and not quaternion["not normalised"]["not_finite"],
    "all finite",
    question="C17",
)

print(provenance())
