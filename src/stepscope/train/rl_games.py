"""PPO by RL-Games."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rl_games.algos_torch.a2c_continuous import A2CAgent
from rl_games.common import env_configurations, vecenv
from rl_games.common.algo_observer import DefaultAlgoObserver
from rl_games.torch_runner import Runner

from stepscope._common.images import CONVOLUTIONS, FEATURES, is_image
from stepscope.train._batches import minibatch_size
from stepscope.train._boundaries import Boundaries
from stepscope.train._processes import Rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.vector import VectorEnv
    from torch import Tensor

__all__ = ["BOUNDARIES", "SEQUENCE", "train"]

BOUNDARIES = Boundaries(
    agent=A2CAgent, began="play_steps:start", collected="play_steps:end", ended="train_epoch:end"
)

SEQUENCE = 4
"""RL-Games' ``seq_length``, which it demands to divide a rollout even without a recurrent network."""


class _Environment(vecenv.IVecEnv):
    """Our vector environment as RL-Games wants it: one done flag, and time-outs in the infos."""

    def __init__(self, env: VectorEnv) -> None:
        self.env = env

    def reset(self) -> dict[str, Tensor]:
        observations, _ = self.env.reset()
        return {"obs": observations}

    def step(self, actions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor, dict[str, Any]]:
        observations, rewards, terminated, truncated, _ = self.env.step(actions)
        return {"obs": observations}, rewards, terminated | truncated, {"time_outs": truncated}

    def get_env_info(self) -> dict[str, Any]:
        return {
            "observation_space": self.env.single_observation_space,
            "action_space": self.env.single_action_space,
        }


def train(
    env: VectorEnv,
    *,
    iterations: int,
    horizon: int = 32,
    seed: int = 0,
    log_dir: str = "runs",
    minibatches: int = 4,
    learning_rate: float = 1e-3,
    checkpoint_every: int | None = None,
    hidden: Sequence[int] = (64, 64),
) -> None:
    """Train with PPO; RL-Games prints to the console as it does for its own users.

    Parameters
    ----------
    env
        Vector environment with torch tensors, on the device to train on.
    iterations
        Epochs: one rollout and one update each.
    horizon
        Vector steps per rollout (RL-Games: ``horizon_length``).
    seed
        Seed of every random number generator.
    log_dir
        Folder under which RL-Games makes ``cartpole_DD-HH-MM-SS/{nn,summaries}``.
    minibatches
        Equal parts that a rollout is cut into.
    learning_rate
        Of the first update; it then follows the measured KL divergence.
    checkpoint_every
        Save every so many epochs; by default only the best and the last are saved.
    hidden
        Widths of the hidden layers that actor and critic share; before them come convolutions and a layer of 512 where
        an observation is an image, which is then not normalised.

    Raises
    ------
    BadInputError
        The rollout cannot be cut into the minibatches, or into RL-Games' sequences of 4.
    """
    size = minibatch_size(num_envs=env.num_envs, horizon=horizon, minibatches=minibatches, sequence=SEQUENCE)
    # RL-Games takes a seed of 0 for none, so that the generators it would seed are seeded here.
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global generator is the one that RL-Games draws from
    torch.manual_seed(seed)
    env.reset(seed=seed)
    vecenv.register("stepscope", lambda _name, _num_actors, **_: _Environment(env))
    env_configurations.register(
        "stepscope", {"vecenv_type": "stepscope", "env_creator": lambda **_: _Environment(env)}
    )
    images = is_image(env.single_observation_space.shape)
    settings: dict[str, Any] = {
        "name": "cartpole",
        "env_name": "stepscope",
        "train_dir": log_dir,
        "device": str(env.device),
        "num_actors": env.num_envs,
        "horizon_length": horizon,
        "minibatch_size": size,
        "mini_epochs": 5,
        "max_epochs": iterations,
        "save_frequency": checkpoint_every or 0,
        "save_best_after": 1,
        # RL-Games compiles the model by default, which needs a C++ compiler and half a minute; small runs do not repay it.
        "torch_compile": False,
        "ppo": True,
        "gamma": 0.99,
        "tau": 0.95,
        "e_clip": 0.2,
        "clip_value": True,
        "learning_rate": learning_rate,
        "lr_schedule": "adaptive",
        "kl_threshold": 0.01,
        "entropy_coef": 0.0,
        "critic_coef": 2,
        "bounds_loss_coef": 1e-4,
        "grad_norm": 1.0,
        "truncate_grads": True,
        "normalize_advantage": True,
        "normalize_input": not images,
        "normalize_value": True,
        "value_bootstrap": True,
        "reward_shaper": {"scale_value": 0.1},
        "score_to_win": float("inf"),
        "multi_gpu": Rank.of_environment().count > 1,
    }
    runner = Runner(DefaultAlgoObserver())
    runner.load(
        {"params": {**_model(hidden, images=images), "seed": seed, "torch_threads": 0, "config": settings}}
    )
    runner.run({"train": True})


def _model(hidden: Sequence[int], *, images: bool) -> dict[str, Any]:
    layers: dict[str, Any] = {
        "mlp": {
            "units": [FEATURES, *hidden] if images else [*hidden],
            "activation": "elu",
            "initializer": {"name": "default"},
        }
    }
    if images:
        layers["cnn"] = {
            "type": "conv2d",
            "activation": "relu",
            "permute_input": False,  # channels come first already
            "initializer": {"name": "default"},
            "convs": [
                {"filters": channels, "kernel_size": edge, "strides": stride, "padding": 0}
                for channels, edge, stride in CONVOLUTIONS
            ],
        }
    return {
        "algo": {"name": "a2c_continuous"},
        "model": {"name": "continuous_a2c_logstd"},
        "network": {
            "name": "actor_critic",
            "separate": False,
            "space": {
                "continuous": {
                    "mu_activation": "None",
                    "sigma_activation": "None",
                    "mu_init": {"name": "default"},
                    "sigma_init": {"name": "const_initializer", "val": 0},
                    "fixed_sigma": True,
                }
            },
            **layers,
        },
    }
