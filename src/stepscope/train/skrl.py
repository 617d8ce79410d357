"""PPO by skrl."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from skrl.agents.torch.ppo import PPO
from skrl.envs.wrappers.torch import Wrapper
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.resources.preprocessors.torch import RunningStandardScaler
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.spaces.torch import flatten_tensorized_space, unflatten_tensorized_space

from stepscope._common.images import CONVOLUTIONS, FEATURES, convolved_shapes, is_image
from stepscope.train._batches import minibatch_size
from stepscope.train._boundaries import Boundaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium import Space
    from gymnasium.vector import VectorEnv
    from torch import Tensor

__all__ = ["BOUNDARIES", "train"]

BOUNDARIES = Boundaries(agent=PPO, began="act:start", collected="update:start", ended="update:end")


class _Environment(Wrapper):
    """Our vector environment as skrl wants it: an observation as a row, rewards and flags as columns."""

    @property
    def observation_space(self) -> Space:
        return self._env.single_observation_space

    @property
    def action_space(self) -> Space:
        return self._env.single_action_space

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        observations, infos = self._env.reset()
        return flatten_tensorized_space(observations), infos

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]:
        observations, rewards, terminated, truncated, infos = self._env.step(actions)
        columns = rewards[:, None], terminated[:, None], truncated[:, None]
        return flatten_tensorized_space(observations), *columns, infos

    def state(self) -> None:
        return None

    def render(self, *_: object, **__: object) -> None:
        return None

    def close(self) -> None:
        self._env.close()


def _layers(shape: Sequence[int], hidden: Sequence[int], outputs: int) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    widths = [*shape, *hidden]
    if is_image(shape):
        channels = shape[0]
        for made, edge, stride in CONVOLUTIONS:
            layers += [torch.nn.Conv2d(channels, made, edge, stride), torch.nn.ReLU()]
            channels = made
        layers.append(torch.nn.Flatten())
        widths = [math.prod(convolved_shapes(shape)[-1]), FEATURES, *hidden]
    layers += [layer for pair in pairwise(widths) for layer in (torch.nn.Linear(*pair), torch.nn.ELU())]
    return torch.nn.Sequential(*layers, torch.nn.Linear(widths[-1], outputs))


class _Policy(GaussianMixin, Model):
    def __init__(self, hidden: Sequence[int], **spaces: Any) -> None:  # noqa: ANN401 - handed on to skrl as they are
        Model.__init__(self, **spaces)
        GaussianMixin.__init__(self)
        self.layers = _layers(self.observation_space.shape, hidden, self.num_actions)
        self.log_std = torch.nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG002 - skrl's signature
        observations = unflatten_tensorized_space(self.observation_space, inputs["observations"])
        return self.layers(observations), {"log_std": self.log_std}


class _Value(DeterministicMixin, Model):
    def __init__(self, hidden: Sequence[int], **spaces: Any) -> None:  # noqa: ANN401 - handed on to skrl as they are
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.layers = _layers(self.observation_space.shape, hidden, 1)

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG002 - skrl's signature
        return self.layers(unflatten_tensorized_space(self.observation_space, inputs["observations"])), {}


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
    """Train with PPO; skrl prints to the console as it does for its own users.

    Parameters
    ----------
    env
        Vector environment with torch tensors, on the device to train on.
    iterations
        Rollouts, each followed by an update; skrl itself counts vector steps.
    horizon
        Vector steps per rollout (skrl: ``rollouts``).
    seed
        Seed of every random number generator.
    log_dir
        Folder under which skrl makes ``YY-MM-DD_HH-MM-SS-ffffff_PPO``.
    minibatches
        Equal parts that a rollout is cut into.
    learning_rate
        Of policy and value network.
    checkpoint_every
        Save every so many rollouts; by default skrl saves ten times in a run.
    hidden
        Widths of the hidden layers of the policy, and of the value network; before them each has convolutions and a
        layer of 512 where an observation is an image, of floats, which is then not normalised.

    Raises
    ------
    BadInputError
        The rollout cannot be cut into the minibatches.
    """
    minibatch_size(num_envs=env.num_envs, horizon=horizon, minibatches=minibatches)
    set_seed(seed)
    env.reset(seed=seed)
    wrapped = _Environment(env)
    spaces = {
        "observation_space": wrapped.observation_space,
        "state_space": None,
        "action_space": wrapped.action_space,
        "device": wrapped.device,
    }
    normalised = {
        "observation_preprocessor": RunningStandardScaler,
        "observation_preprocessor_kwargs": {"size": wrapped.observation_space, "device": wrapped.device},
    }
    settings: dict[str, Any] = {
        "rollouts": horizon,
        "learning_epochs": 8,
        "mini_batches": minibatches,
        "discount_factor": 0.99,
        "gae_lambda": 0.95,
        "learning_rate": learning_rate,
        "grad_norm_clip": 1.0,
        "ratio_clip": 0.2,
        "value_clip": 0.2,
        "value_loss_scale": 1.0,
        # Off, as by default: skrl would take the value of the observation that step() returned, which here is the
        # first of the next episode already.
        "time_limit_bootstrap": False,
        **({} if is_image(wrapped.observation_space.shape) else normalised),
        "value_preprocessor": RunningStandardScaler,
        "value_preprocessor_kwargs": {"size": 1, "device": wrapped.device},
        "experiment": {
            "directory": log_dir,
            "write_interval": horizon,
            "checkpoint_interval": checkpoint_every * horizon if checkpoint_every else "auto",
        },
    }
    agent = PPO(
        models={"policy": _Policy(hidden, **spaces), "value": _Value(hidden, **spaces)},
        memory=RandomMemory(memory_size=horizon, num_envs=env.num_envs, device=wrapped.device),
        cfg=settings,
        **spaces,
    )
    SequentialTrainer(
        env=wrapped, agents=agent, cfg={"timesteps": iterations * horizon, "headless": True}
    ).train()
