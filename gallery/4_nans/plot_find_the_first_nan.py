# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "stepscope[examples] @ https://stepscope.github.io/stepscope/wheels/stepscope-0.1.0-py3-none-any.whl",
# ]
# ///
"""
Where did the first NaN come from?
==================================

A run often ends long after the first bad value, and in another place.
A recorder around the environment keeps the last steps, reports the first bad value, and saves the steps that led to it.
A fresh environment is then stepped through the same steps, with one thing changed at a time.
In this example quadrupeds in MuJoCo Warp fall apart because the timestep is too large.
"""

import tempfile

import torch
from stepscope import plots
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, bad_reward, infinite_reading
from stepscope.envs.scenes import quadruped
from stepscope.evidence import claim, provenance, record_measurement
from stepscope.nans import (
    BadUpdateError,
    BadValueError,
    cost,
    load,
    record,
    replay,
    try_interventions,
)

# %%
# The policy is harmless: random actions within their limits.
# The timestep is eight times that of the scene.

coarse = {"timestep": 0.04, "substeps": 1}
folder = tempfile.mkdtemp()


def run(**options: object) -> object:
    """Step quadrupeds until the recorder stops them; return the recorder."""
    env = record(
        quadruped(64, device="cpu", seed=0, **coarse), folder=folder, **options
    )
    env.reset(seed=0)
    random = torch.Generator().manual_seed(0)
    try:
        for _ in range(400):
            env.step(2 * torch.rand(64, 12, generator=random) - 1)
    except BadValueError as error:
        print(error)
    return env


stopped = run()
bad = stopped.report.bad

# %%
# The report shows the step, the environment, the column, and the values before it.
# The first bad value is not NaN but a velocity that no robot has.
# A check for NaN alone would have found it later:

late = run(huge=float("inf")).report.bad
print(f"\nhuge in step {bad.step}, NaN or infinity in step {late.step}")

# %%
# The dump shows the last steps of the environment that failed and of others.

dump = load(stopped.dump)
column = dump.tensors["observations"][..., bad.column]
figure, axes = plots.figure(
    title=f"Absurd in step {bad.step}, not a number in step {late.step}",
    x="step",
    y=f"|{stopped.report.column}|, in SI units",
    log="y",
)
for place in range(1, min(8, column.shape[1])):
    axes.plot(
        dump.steps, abs(column[:, place]) + 1e-3, color=plots.MUTED, linewidth=0.8
    )
axes.plot(
    dump.steps,
    abs(column[:, 0]) + 1e-3,
    color=plots.COLOURS["failure"],
    label=f"environment {bad.env}",
)
axes.plot([], [], color=plots.MUTED, label="others")
axes.axvline(bad.step, color=plots.INK, linestyle=":", label="found")
axes.set_yticks([1, 1e3, 1e6, 1e9])
axes.legend(loc="upper left")
plots.show(figure)

# %%
# A fresh environment repeats the failure bit for bit, so each trial below differs from it in one change alone.
# ``stepscope replay DUMP --env module:factory`` does the same.
# The last trial is a clean reset. A chaotic system that starts elsewhere goes elsewhere, so this trial only shows that
# the failure depends on the start; it is not a cure.

again = replay(dump, "stepscope.envs.scenes:quadruped", options=coarse)
print(
    f"{again.steps} steps: {'the same, bit for bit' if again.differs is None else 'not the same'};"
    f" bad again in step {again.bad_step}"
)
trials = try_interventions(dump, "stepscope.envs.scenes:quadruped", options=coarse)
for trial in trials:
    print(
        f"{trial.change:35}  {'prevents it' if trial.prevents else f'does not: bad in step {trial.bad_step}'}"
    )
prevents = {trial.change: trial.prevents for trial in trials}
record_measurement("interventions", prevents)

# %%
# Physics is not always the cause.
# In the next runs the cart-poles are healthy, and a sensor, the reward or the policy is not.

torch.manual_seed(0)
policy = torch.nn.Linear(4, 1)
training = torch.optim.SGD(policy.parameters(), lr=0.1)


def told(env: object, *, watched: bool = False, broken_from: int | None = None) -> str:
    """Step cart-poles, with an update every ten steps; return what the recorder says."""
    env = record(env, folder=None)
    if watched:
        env.watch(policy)
    observations, _ = env.reset(seed=0)
    try:
        for step in range(1, 61):
            observations, *_ = env.step(policy(observations).detach())
            if step % 10 == 0:
                # As a loss is divided by the spread of numbers that are all alike.
                spread = 0.0 if broken_from is not None and step >= broken_from else 1.0
                training.zero_grad()
                (policy(observations).square().mean() / spread).backward()
                training.step()
        env.check()
    except BadUpdateError as error:
        return str(error)
    except BadValueError as error:
        return f"{error.report.headline}: {error.report.cause.name}"
    return "nothing is bad"


class Clipped(Faulty):
    """Cart-poles whose readings are limited to the range of their sensor."""

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Step them, and clip what they read."""
        observations, *rest = super().step(actions)
        return observations.clamp(max=100.0), *rest


def cart_poles() -> CartPole:
    """Return cart-poles that may fall, and whose episodes go on."""
    return CartPole(64, seed=0, angle_limit=1e30, track_half_length=1e30)


ray = infinite_reading(step=25, env=3)
reading = told(Faulty(cart_poles(), ray))
clipped = told(Clipped(cart_poles(), ray))
rewarded = told(Faulty(cart_poles(), bad_reward(step=25, env=3)))
before = [each.detach().clone() for each in policy.parameters()]
stopped_update = told(cart_poles(), watched=True, broken_from=10)
untouched = all(map(torch.equal, before, policy.parameters()))
acted = told(cart_poles(), broken_from=10)
for text in (reading, clipped, rewarded, stopped_update, acted):
    print(f"{text}\n")

# %%
# ``cost`` counts the memory beforehand.
# Compare it with plain copies of the last 100 steps.

quadrupeds = stopped.env
columns = (
    len(quadrupeds.observation_names) + len(quadrupeds.action_names) + 1
)  # and a reward
copies = 100 * 64 * (4 * columns + 1)  # and a flag
kept = cost(quadrupeds, steps=100)
print(
    f"100 steps of {columns} numbers in 64 environments: {kept / copies:.0%} of what copies would take"
)

# %%
# Common advice, tested on this machine.

claim(
    "A huge value comes before the first NaN, and the recorder finds it first (quadruped in MuJoCo Warp, CPU)",
    bad.kind == "huge" and bad.step < late.step,
    f"step {bad.step} before step {late.step}",
)
claim(
    "A fresh environment repeats the failure bit for bit (MuJoCo Warp, CPU)",
    again.differs is None and again.bad_step == bad.step,
    f"{again.steps} steps are the same",
)
claim(
    "Half the timestep, 20 ms, prevents it (quadruped in MuJoCo Warp, Euler integrator, CPU)",
    prevents["half the timestep"],
    "prevented" if prevents["half the timestep"] else "not prevented",
    question="C19",
)
claim(
    "Four times the solver iterations do not prevent what a large timestep causes (MuJoCo Warp, CPU)",
    not prevents["four times the solver's iterations"],
    "not prevented"
    if not prevents["four times the solver's iterations"]
    else "prevented",
    question="C20",
)
claim(
    "A ray that hits nothing is reported as a sensor without a reading, with its step and environment",
    reading.startswith("infinity in observations")
    and reading.endswith("of environment 3, in step 25: a sensor without a reading"),
    reading.rpartition(": ")[2],
    question="B3",
)
claim(
    "A reading that is clipped to the sensor's range is not bad, and the run continues",
    clipped == "nothing is bad",
    clipped,
    question="B3",
)
claim(
    "A bad reward alone is reported as a term of the reward",
    rewarded.endswith("of environment 3, in step 25: a term of the reward"),
    rewarded.rpartition(": ")[2],
    question="C15",
)
claim(
    "Weights that an update broke are reported at the policy's next action",
    acted.endswith("in step 11: the policy"),
    acted.rpartition(", ")[2],
    question="C15",
)
claim(
    "With `watch(policy)` the run ends before the optimizer step that would break the weights",
    "the gradient of weight" in stopped_update and untouched,
    "the weights are as before" if untouched else "the weights changed",
    question="C15",
)
claim(
    "The recorder keeps the last 100 steps, and what a replay needs, in less memory than plain copies",
    kept < 0.85 * copies,
    f"{kept / copies:.0%}",
)

print(provenance())
