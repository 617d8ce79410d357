"""Cart-poles of Isaac Lab in which one term is NaN: in environment 7, in the 20th step of its episode.

``python faulty_tasks.py observation`` steps them with a recorder around them. Each is a factory for ``stepscope replay``.
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import isaaclab_tasks  # noqa: F401 - registers the tasks
import torch
from isaaclab.envs import mdp
from isaaclab.managers import SceneEntityCfg
from isaaclab_tasks.core.cartpole.cartpole_direct_env import CartpoleEnv
from isaaclab_tasks.core.cartpole.cartpole_direct_env_cfg import CartpoleEnvCfg

import stepscope.nans
from stepscope.nans.tasks import isaaclab

ROBOT = SceneEntityCfg("robot")


def with_fault(env: Any, values: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - Isaac Lab's
    """Return the values of all environments, NaN in the last column of one."""
    if env.episode_length_buf[7] == 20:  # noqa: PLR2004 - as the first line says
        values = values.clone()
        values[7].view(-1)[-1] = torch.nan
    return values


def velocity(env: Any, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:  # noqa: ANN401 - as above
    """Return the joints' velocities, with the fault."""
    return with_fault(env, mdp.joint_vel_rel(env, asset_cfg))


def speed(env: Any, asset_cfg: SceneEntityCfg = ROBOT) -> torch.Tensor:  # noqa: ANN401 - as above
    """Return the joints' speed, with the fault."""
    return with_fault(env, mdp.joint_vel_l1(env, asset_cfg))


class FaultyCartpole(CartpoleEnv):
    """The task without managers, with the fault."""

    def _get_observations(self) -> dict[str, torch.Tensor]:
        return {"policy": with_fault(self, super()._get_observations()["policy"])}


gymnasium.register(
    id="Faulty-Cartpole-Direct",
    entry_point=FaultyCartpole,
    disable_env_checker=True,
    kwargs={"env_cfg_entry_point": CartpoleEnvCfg},
)


def observation(num_envs: int) -> Any:  # noqa: ANN401 - as above
    """Create the `ManagerBasedRLEnv` with a faulty term of the observations."""
    settings: dict[str, Any] = {"observations.policy.joint_vel_rel.func": velocity}
    return isaaclab(num_envs, task="Isaac-Cartpole", **settings)


def reward(num_envs: int) -> Any:  # noqa: ANN401 - as above
    """Create the `ManagerBasedRLEnv` with a faulty term of the reward."""
    settings: dict[str, Any] = {"rewards.cart_vel.func": speed}
    return isaaclab(num_envs, task="Isaac-Cartpole", **settings)


def direct(num_envs: int) -> Any:  # noqa: ANN401 - as above
    """Create the `DirectRLEnv` with faulty observations."""
    return isaaclab(num_envs, task="Faulty-Cartpole-Direct")


if __name__ == "__main__":
    env = stepscope.nans.record(
        {"observation": observation, "reward": reward, "direct": direct}[sys.argv[1]](16)
    )
    env.reset(seed=0)
    torch.manual_seed(0)
    for _ in range(64):
        env.step(torch.randn(16, 1))
