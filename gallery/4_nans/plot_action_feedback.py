# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Can an action run away by being observed?
=========================================

Many tasks let the policy observe its last action.
If nothing clips the action, the output of the network becomes its input, and a network that amplifies it a little amplifies it without end.
The simulation is not to blame: this example uses our cart-pole in PyTorch, which stays healthy, and looks at the loop alone.
"""

import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.nans import BadValueError, record

# %%
# A cart-pole with its last action as a fifth observation, as tasks of legged robots have it.
# The simulator clips the action, as simulators do; what is observed is what the policy said.


class LastActionObserved:
    """Cart-poles whose observations end with the last action, clipped to a limit or not."""

    action_names = ("force",)
    observation_names = (*CartPole.observation_names, "last_action")

    def __init__(self, num_envs: int, *, limit: float | None) -> None:
        self.env, self.limit = CartPole(num_envs, seed=0), limit

    def reset(self) -> tuple[torch.Tensor, dict]:
        """Start anew; the last action is zero."""
        observations, infos = self.env.reset(seed=0)
        return torch.cat([observations, torch.zeros(len(observations), 1)], 1), infos

    def step(self, actions: torch.Tensor) -> tuple:
        """Step, and observe the action."""
        if self.limit is not None:
            actions = actions.clamp(-self.limit, self.limit)
        observations, *rest = self.env.step(actions)
        return torch.cat([observations, actions], 1), *rest


# %%
# The policy is a network of two layers, scaled so that it answers a large action with a larger one.
# Training can produce such a network, because nothing in the reward prevents it.

torch.manual_seed(0)
policy = torch.nn.Sequential(
    torch.nn.Linear(5, 64), torch.nn.ELU(), torch.nn.Linear(64, 1)
)
large = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1000.0]])
with torch.no_grad():
    policy[2].weight *= 1500 / (policy(large) - policy[2].bias)


def sizes(limit: float | None, steps: int = 400) -> tuple[list[float], object]:
    """Return the largest action of each step, and what the recorder found, if it did."""
    env = record(LastActionObserved(64, limit=limit), folder=None)
    observations, _ = env.reset()
    largest = []
    try:
        for _ in range(steps):
            with torch.no_grad():
                actions = policy(observations)
            largest.append(float(actions.abs().max()))
            observations, *_ = env.step(actions)
    except BadValueError as error:
        return largest, error.report
    return largest, None


free, report = sizes(None)
clipped, nothing = sizes(1.0)
print(report)
record_measurement("largest_action", {"unclipped": free, "clipped": clipped})

# %%
# Without a limit the action grows by the same factor in each step, until it is NaN.
# If the action is clipped before it is observed, the same loop stays bounded.

figure, axes = plots.figure(
    title=f"An observed action reaches {max(free) / 1e6:.0f} million in {len(free)} steps",
    x="step",
    y="largest action",
    log="y",
)
axes.plot(
    range(1, len(free) + 1), free, color=plots.COLOURS["failure"], label="not clipped"
)
axes.plot(
    range(1, len(free) + 1),
    clipped[: len(free)],
    color=plots.COLOURS["per_env"],
    label="clipped before it is observed",
)
axes.axvline(report.bad.step, color=plots.INK, linestyle=":", label="found")
axes.set_yticks([1, 1e3, 1e6])
axes.legend(loc="upper left")
plots.show(figure)

# %%
# What nobody tells, checked on this machine.

grown = (free[-1] / free[-11]) ** (1 / 10)
claim(
    "An action that is observed and not clipped runs away, in a healthy environment (cart-pole in PyTorch, CPU)",
    report is not None and grown > 1.2,
    f"it grows by a factor of {grown:.2f} in each step",
    question="B1",
)
claim(
    "Clipping the action before it is observed prevents that, with the same network",
    nothing is None and max(clipped) < 100,
    f"it is at most {max(clipped):.1f} in {len(clipped)} steps",
    question="B1",
)
claim(
    "The recorder reports the loop as the cause",
    report is not None
    and report.cause is not None
    and report.cause.name == "action feedback",
    report.cause.name if report is not None and report.cause else "no cause",
    question="B1",
)

print(provenance())
