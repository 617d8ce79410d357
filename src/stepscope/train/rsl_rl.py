"""PPO by RSL-RL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from tensordict import TensorDict

from stepscope._common.images import CONVOLUTIONS, FEATURES, is_image
from stepscope.train._batches import minibatch_size
from stepscope.train._boundaries import Boundaries

# RSL-RL imports GitPython, which refuses to load where no git program is installed unless told to be quiet.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.vector import VectorEnv
    from torch import Tensor

__all__ = ["BOUNDARIES", "train"]

BOUNDARIES = Boundaries(agent=PPO, began="act:start", collected="compute_returns:start", ended="update:end")


class _Environment(VecEnv):
    """Our vector environment as RSL-RL wants it: observation groups, one done flag, and extras."""

    def __init__(self, env: VectorEnv, *, episode_terms: bool) -> None:
        self.env = env
        self.num_envs = env.num_envs
        self.num_actions = env.single_action_space.shape[0]
        self.device = env.device
        self.max_episode_length = env.episode_length
        self.cfg: dict[str, object] = {}
        self.episode_terms = episode_terms
        self.observations, _ = env.reset()

    @property
    def episode_length_buf(self) -> Tensor:
        """Steps taken in the running episodes: the environment's own counter, so that setting it sets when they end."""
        return self.env.steps.long()

    @episode_length_buf.setter
    def episode_length_buf(self, steps: Tensor) -> None:
        self.env.steps = steps.to(self.env.steps.dtype)

    def get_observations(self) -> TensorDict:
        return TensorDict({"policy": self.observations}, batch_size=[self.num_envs])

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        self.observations, rewards, terminated, truncated, infos = self.env.step(actions)
        done = terminated | truncated
        extras: dict[str, Any] = {"time_outs": truncated}
        if self.episode_terms:
            extras["log"] = _episode_terms(infos["final_obs"], terminated)
        return self.get_observations(), rewards, done.long(), extras


def _episode_terms(final_observations: Tensor, terminated: Tensor) -> dict[str, Tensor]:
    """Two numbers of the kind that Isaac Lab's tasks add to the log: a reward term's size, and a reason of ending."""
    return {
        "Episode_Reward/upright": torch.cos(final_observations[:, 2]).mean(),
        "Episode_Termination/out_of_bounds": terminated.float().sum(),
    }


def train(
    env: VectorEnv,
    *,
    iterations: int,
    horizon: int = 32,
    seed: int = 0,
    log_dir: str = "runs",
    minibatches: int = 4,
    epochs: int = 5,
    learning_rate: float = 1e-3,
    schedule: str = "adaptive",
    init_at_random_ep_len: bool = False,
    checkpoint_every: int | None = None,
    episode_terms: bool = False,
    hidden: Sequence[int] = (64, 64),
    normalise: bool = False,
) -> None:
    """Train with PPO; RSL-RL prints to the console as it does for its own users.

    Parameters
    ----------
    env
        Vector environment with torch tensors, on the device to train on.
    iterations
        Learning iterations: one rollout and one update each.
    horizon
        Vector steps per rollout (RSL-RL: ``num_steps_per_env``).
    seed
        Seed of torch's generator and of the environment.
    log_dir
        Folder for the checkpoints and TensorBoard's files; without one RSL-RL prints nothing.
    minibatches
        Equal parts that a rollout is cut into.
    epochs
        Passes over a rollout (RSL-RL: ``num_learning_epochs``).
    learning_rate
        Of the first minibatch.
    schedule
        ``"adaptive"``: after each minibatch the learning rate follows the measured KL divergence. ``"fixed"``: it stays.
    init_at_random_ep_len
        Begin the first episodes at random ages, so that those that last are not all truncated in the same step. The
        environment's counter ``steps`` is set; its states stay those of a reset.
    checkpoint_every
        Save every so many iterations (RSL-RL: ``save_interval``); the first and the last are always saved.
    episode_terms
        Add terms to the ``extras`` of each step, which RSL-RL prints as their own lines.
    hidden
        Widths of the hidden layers of the actor, and of the critic; before them each has convolutions and a layer of 512
        where an observation is an image, of floats.
    normalise
        Normalise the observations, as RL-Games and skrl do here (RSL-RL: ``obs_normalization``).

    Raises
    ------
    BadInputError
        The rollout cannot be cut into the minibatches.
    """
    minibatch_size(num_envs=env.num_envs, horizon=horizon, minibatches=minibatches)
    torch.manual_seed(seed)
    env.reset(seed=seed)
    images = is_image(env.single_observation_space.shape)
    normalised = {"obs_normalization": True} if normalise else {}
    settings: dict[str, Any] = {
        "num_steps_per_env": horizon,
        "save_interval": checkpoint_every or iterations,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": {
            **_model(hidden, images=images),
            **normalised,
            "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 1.0},
        },
        "critic": {**_model(hidden, images=images), **normalised},
        "algorithm": {
            "class_name": "PPO",
            "num_learning_epochs": epochs,
            "num_mini_batches": minibatches,
            "learning_rate": learning_rate,
            "schedule": schedule,
            "desired_kl": 0.01,
            "gamma": 0.99,
            "lam": 0.95,
            "clip_param": 0.2,
            "entropy_coef": 0.0,
            "value_loss_coef": 1.0,
            "max_grad_norm": 1.0,
            "rnd_cfg": None,
            "symmetry_cfg": None,
        },
    }
    adapter = _Environment(env, episode_terms=episode_terms)
    OnPolicyRunner(adapter, settings, log_dir=log_dir, device=str(env.device)).learn(
        iterations, init_at_random_ep_len=init_at_random_ep_len
    )


def _model(hidden: Sequence[int], *, images: bool) -> dict[str, Any]:
    if not images:
        return {"class_name": "MLPModel", "hidden_dims": [*hidden], "activation": "elu"}
    channels, edges, strides = zip(*CONVOLUTIONS, strict=True)
    return {
        "class_name": "CNNModel",
        "hidden_dims": [FEATURES, *hidden],
        "activation": "elu",
        "cnn_cfg": {
            "output_channels": [*channels],
            "kernel_size": [*edges],
            "stride": [*strides],
            "activation": "relu",
        },
    }
