"""PPO, SAC and DQN by Stable-Baselines3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.callbacks import CheckpointCallback
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from stepscope._common.images import is_image
from stepscope.errors import BadInputError
from stepscope.train._batches import minibatch_size
from stepscope.train._boundaries import Boundaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.vector import VectorEnv
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

__all__ = ["ALGORITHMS", "BOUNDARIES", "train"]

BOUNDARIES = Boundaries(
    agent=PPO, began="collect_rollouts:start", collected="collect_rollouts:end", ended="train:end"
)

ALGORITHMS = ("ppo", "sac", "dqn")


class _Environment(VecEnv):
    """Our vector environment as Stable-Baselines3 wants it: NumPy arrays and one dictionary for each environment."""

    def __init__(self, env: VectorEnv, *, discrete: bool) -> None:
        self.env = env
        self.discrete = discrete
        super().__init__(
            env.num_envs,
            env.single_observation_space,
            Discrete(2) if discrete else env.single_action_space,
        )

    def reset(self) -> VecEnvObs:
        # No seed here: train() has seeded the environment, and the algorithm's own seed() does nothing to it.
        observations, _ = self.env.reset()
        return observations.cpu().numpy()

    def step_async(self, actions: np.ndarray) -> None:
        if self.discrete:  # push left or right with full force
            actions = (2.0 * actions - 1.0)[:, None]
        self.actions = torch.as_tensor(actions, dtype=torch.float32, device=self.env.device)

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, terminated, truncated, extras = self.env.step(self.actions)
        done = (terminated | truncated).cpu().numpy()
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if done.any():
            final = extras["final_obs"].cpu().numpy()
            timeout = (truncated & ~terminated).cpu().numpy()
            for index in np.flatnonzero(done):
                infos[index] = {
                    "terminal_observation": final[index],
                    "TimeLimit.truncated": bool(timeout[index]),
                }
        return observations.cpu().numpy(), rewards.cpu().numpy(), done, infos

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:  # noqa: ANN401, ARG002 - SB3's signature
        setattr(self.env, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,  # noqa: ANN401 - SB3's signature
        indices: VecEnvIndices = None,
        **method_kwargs: Any,  # noqa: ANN401 - SB3's signature
    ) -> list[Any]:
        value = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [value] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:  # noqa: ARG002 - SB3's signature
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[np.ndarray | None]:
        return [None] * self.num_envs


def train(
    env: VectorEnv,
    *,
    iterations: int,
    horizon: int = 32,
    seed: int = 0,
    log_dir: str = "runs",
    minibatches: int | None = None,
    learning_rate: float | None = None,
    checkpoint_every: int | None = None,
    algorithm: str = "ppo",
    hidden: Sequence[int] | None = None,
) -> None:
    """Train; Stable-Baselines3 prints to the console as it does for its own users with ``verbose=1``.

    Parameters
    ----------
    env
        Vector environment with torch tensors, on the device to train on.
    iterations
        Rollouts of `horizon` vector steps.
    horizon
        Vector steps per rollout (PPO: ``n_steps``; SAC and DQN: ``train_freq``).
    seed
        Seed of every random number generator.
    log_dir
        Folder for TensorBoard's files and the checkpoints.
    minibatches
        Equal parts that a rollout of PPO is cut into, by default 4.
    learning_rate
        By default 0.001 for PPO, and their own defaults for SAC and DQN.
    checkpoint_every
        Save every so many rollouts; by default nothing is saved.
    algorithm
        ``"ppo"``, ``"sac"`` or ``"dqn"``; DQN pushes with full force to the left or to the right.
    hidden
        Widths of the hidden layers of each network; by default those of the algorithm's own, which for PPO are 64 and
        64, or none behind the convolutions and the layer of 512 for images.

    Raises
    ------
    BadInputError
        The algorithm is not one of `ALGORITHMS` or has no minibatches, or the rollout cannot be cut into them.
    """
    if algorithm not in ALGORITHMS:
        raise BadInputError(
            f"--algorithm {algorithm} is not known here; choose one of {', '.join(ALGORITHMS)}."
        )
    if algorithm != "ppo" and minibatches is not None:
        raise BadInputError(f"--minibatches is an option of PPO, and {algorithm} has none; leave it out.")
    env.reset(seed=seed)
    wrapped = VecMonitor(_Environment(env, discrete=algorithm == "dqn"))
    images = is_image(env.single_observation_space.shape)
    policy: dict[str, Any] = {}
    if hidden is not None:
        policy["net_arch"] = [*hidden]
    if images and env.single_observation_space.dtype != np.uint8:
        policy["normalize_images"] = False  # they are no bytes to be divided by 255
    common: dict[str, Any] = {
        "policy": "CnnPolicy" if images else "MlpPolicy",
        "env": wrapped,
        "seed": seed,
        "device": str(env.device),
        "verbose": 1,
        "tensorboard_log": log_dir,
        "policy_kwargs": policy,
    }
    if learning_rate is not None:
        common["learning_rate"] = learning_rate
    model: BaseAlgorithm
    if algorithm == "ppo":
        size = minibatch_size(num_envs=env.num_envs, horizon=horizon, minibatches=minibatches or 4)
        model = PPO(n_steps=horizon, batch_size=size, n_epochs=10, **{"learning_rate": 1e-3, **common})
    elif algorithm == "sac":
        model = SAC(train_freq=horizon, gradient_steps=8, learning_starts=1000, **common)
    else:
        model = DQN(train_freq=horizon, gradient_steps=8, learning_starts=1000, **common)
    callback = None
    if checkpoint_every:
        # Counted in calls of step(), each of which is a step in every environment.
        callback = CheckpointCallback(
            checkpoint_every * horizon, save_path=f"{log_dir}/checkpoints", verbose=2
        )
    model.learn(iterations * horizon * env.num_envs, callback=callback)
