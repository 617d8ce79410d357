"""Faults to inject into any vectorised environment, each modelled on a reported incident.

``Faulty(CartPole(64), infinite_reading(step=100, env=3))`` injects one infinite observation.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = [
    "ALL",
    "Fault",
    "Faulty",
    "bad_reward",
    "draw_fault",
    "huge_observation",
    "infinite_reading",
    "infinite_reward",
    "missing_reading",
    "poisoned_policy",
]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One value in place of another, in one environment, for one step.

    Attributes
    ----------
    tensor
        Argument or result of the step that it replaces a value of.
    value
        The injected value.
    step
        The call of ``step()``, from 1.
    env, column
        Of the tensor, from 0; rewards have one column.
    """

    tensor: Literal["actions", "observations", "rewards"]
    value: float
    step: int
    env: int
    column: int = 0


def missing_reading(*, step: int, env: int, column: int = 0) -> Fault:
    """Let a contact sensor's force be NaN, where neither the guard nor the termination looks at sensors.

    mjlab: https://github.com/mujocolab/mjlab/issues/520
    """
    return Fault(tensor="observations", value=math.nan, step=step, env=env, column=column)


def infinite_reading(*, step: int, env: int, column: int = 0) -> Fault:
    """Let a ray hit nothing, so that a height is infinite, which a test for NaN alone lets pass.

    Legged Lab on rough terrain: https://github.com/zitongbai/legged_lab/issues/15
    """
    return Fault(tensor="observations", value=math.inf, step=step, env=env, column=column)


def huge_observation(*, step: int, env: int, column: int = 0) -> Fault:
    """Let a velocity be finite and absurd, as it is some steps before a simulation that blows up returns NaN.

    MuJoCo calls it huge as well: https://github.com/google-deepmind/mujoco/issues/168
    """
    return Fault(tensor="observations", value=1e30, step=step, env=env, column=column)


def bad_reward(*, step: int, env: int) -> Fault:
    """Let one term of the reward be NaN, while everything else is as it should be.

    RSL-RL looks for it since its pull request 185: https://github.com/leggedrobotics/rsl_rl/pull/185
    """
    return Fault(tensor="rewards", value=math.nan, step=step, env=env)


def infinite_reward(*, step: int, env: int) -> Fault:
    """Let the reward be infinite, which a test for NaN alone lets pass.

    Pathmind's library refuses such rewards: https://github.com/PathmindAI/nativerl/issues/298
    """
    return Fault(tensor="rewards", value=math.inf, step=step, env=env)


def poisoned_policy(*, step: int, env: int, column: int = 0) -> Fault:
    """Let a policy whose weights are NaN act, and nothing complain.

    skrl in Isaac Lab: https://github.com/isaac-sim/IsaacLab/issues/1024
    """
    return Fault(tensor="actions", value=math.nan, step=step, env=env, column=column)


ALL: tuple[Callable[..., Fault], ...] = (
    missing_reading,
    infinite_reading,
    huge_observation,
    bad_reward,
    infinite_reward,
    poisoned_policy,
)
"""Every kind of fault here."""


def draw_fault(seed: int, *, num_envs: int, steps: int, columns: int, actions: int) -> Fault:
    """Return a fault of a random kind; the same for the same seed.

    Parameters
    ----------
    seed
        Seed of the draw.
    num_envs, steps
        Number of environments and of steps, in one of which it is injected.
    columns, actions
        Number of columns of observations and of actions.
    """
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    fault = draw.choice(ALL)(step=draw.randint(1, steps), env=draw.randrange(num_envs))
    size = {"observations": columns, "actions": actions, "rewards": 1}[fault.tensor]
    return replace(fault, column=draw.randrange(size))


class Faulty:
    """Environment that injects faults.

    Parameters
    ----------
    env
        A vectorised environment with torch tensors, in Gymnasium's convention.
    faults
        Faults to inject.
    """

    def __init__(self, env: Any, *faults: Fault) -> None:  # noqa: ANN401 - any environment
        self._env = env
        self._faults = faults
        self._step = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the environment has
        return getattr(self._env, name)

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        """Step the environment, with the faults of this step."""
        self._step += 1
        observations, rewards, *rest = self._env.step(self._inject("actions", actions))
        return self._inject("observations", observations), self._inject("rewards", rewards), *rest

    def _inject(self, tensor: str, values: Tensor) -> Tensor:
        for fault in self._faults:
            if fault.tensor == tensor and fault.step == self._step:
                values = values.clone()
                values.reshape(len(values), -1)[fault.env, fault.column] = fault.value
        return values
