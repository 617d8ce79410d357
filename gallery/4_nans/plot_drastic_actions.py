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
This example gives cart-poles forces from 10 N to far beyond reason, and sees from which on the numbers break; then the same actions clipped to what the task means.
"""

import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.evidence import claim, provenance, record_measurement

# %%
# The track is endless and no angle is a failure, so that nothing ends an episode before it breaks.
# A run is broken once a velocity is beyond 100,000 or no number.

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
# What practitioners are told, checked on this machine.

claim(
    "drastic actions break the simulation, from some size on",
    free[1e1] == 0 and free[forces[-1]] > 0.9,
    f"none at 10 N, {100 * free[forces[-1]]:.0f} % at {forces[-1]:,.0f} N",
    question="C16",
)
claim(
    "a limit on the actions prevents it, with the same policy",
    all(share == 0 for share in clipped.values()),
    "none break when clipped to 10 N",
    question="C16",
)
claim(
    "ten times as much as is usual is not drastic yet",
    free[1e2] == 0,
    f"{100 * free[1e2]:.0f} % at 100 N",
    question="C16",
)

print(provenance())
