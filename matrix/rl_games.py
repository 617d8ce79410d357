"""``python -m matrix.rl_games VARIANT``: train the cart-pole with whichever version of RL-Games is installed."""

from __future__ import annotations

import os
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from rl_games.common import env_configurations, vecenv
from rl_games.torch_runner import Runner

from matrix._ranks import ensure_ranks
from matrix._script import Options, main

if TYPE_CHECKING:
    from stepscope.envs import CartPole

VERSION = tuple(int(part) for part in metadata.version("rl-games").split("."))
GYMNASIUM_SINCE = (1, 6, 5)
"""From here on spaces are gymnasium's; before, they have to be those of its predecessor gym."""

if VERSION >= GYMNASIUM_SINCE:
    from gymnasium import spaces
else:
    from gym import spaces


class Environment(vecenv.IVecEnv):
    """The cart-pole as RL-Games wants it, with one continuous action or with two that push with full force."""

    def __init__(self, env: CartPole, *, discrete: bool = False) -> None:
        self.env = env
        self.discrete = discrete

    def reset(self) -> Any:  # noqa: ANN401 - a tensor here, an array below
        """Reset all environments."""
        return self.env.reset()[0]

    def step(self, actions: Any) -> tuple[Any, Any, Any, dict[str, Any]]:  # noqa: ANN401 - as above
        """Advance by one step."""
        if self.discrete:
            actions = (2.0 * actions - 1.0)[:, None]
        observations, rewards, terminated, truncated, _ = self.env.step(actions)
        return observations, rewards, terminated | truncated, {"time_outs": truncated}

    def get_env_info(self) -> dict[str, Any]:
        """Return the spaces."""
        box = partial(spaces.Box, dtype=np.float32)
        actions = spaces.Discrete(2) if self.discrete else box(-1.0, 1.0, (1,))
        return {"observation_space": box(-np.inf, np.inf, (4,)), "action_space": actions}


class ArrayEnvironment(Environment):
    """The same with NumPy arrays."""

    def reset(self) -> np.ndarray:
        """Reset all environments."""
        return super().reset().numpy()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance by one step."""
        observations, rewards, done, infos = super().step(torch.as_tensor(actions))
        return observations.numpy(), rewards.numpy(), done.numpy(), infos


def train(
    options: Options,
    *,
    adapter: type[Environment] = Environment,
    discrete: bool = False,
    checkpoint: str = "",
    parameters: dict[str, Any] | None = None,
    **config: object,
) -> None:
    """Train with PPO, unless `parameters` name another algorithm; `config` changes the configuration."""
    env = adapter(options.cartpole(), discrete=discrete)
    vecenv.register("stepscope", lambda _name, _num_actors, **_: env)
    env_configurations.register("stepscope", {"vecenv_type": "stepscope", "env_creator": lambda **_: env})
    settings = OnCpu({**common(options), **({} if parameters else ppo(options)), **config})
    # The number of threads is set since 1.6.5, over OMP_NUM_THREADS; 0 leaves it alone.
    parameters = {**(parameters or policy(discrete=discrete)), "seed": options.seed, "torch_threads": 0}
    runner = Runner()
    runner.load({"params": {**parameters, "config": settings}})
    runner.run({"train": True, "checkpoint": checkpoint})


def common(options: Options) -> dict[str, Any]:
    """Configure what all algorithms have in common."""
    return {
        "name": "cartpole",
        "env_name": "stepscope",
        "device": "cpu",
        "num_actors": options.num_envs,
        "save_best_after": 1,
        "gamma": 0.99,
        "reward_shaper": {"scale_value": 0.1},
        "torch_compile": False,  # by default since 1.6.5, and no small run repays it
    }


def ppo(options: Options) -> dict[str, Any]:
    """Configure PPO, without an end."""
    return {
        "horizon_length": options.horizon,
        "minibatch_size": options.num_envs * options.horizon // 4,
        "mini_epochs": 5,
        "ppo": True,
        "tau": 0.95,
        "e_clip": 0.2,
        "clip_value": True,
        "learning_rate": 1e-3,
        "lr_schedule": "adaptive",
        "kl_threshold": 0.01,
        "entropy_coef": 0.0,
        "critic_coef": 2,
        "bounds_loss_coef": 1e-4,
        "grad_norm": 1.0,
        "truncate_grads": True,
        "normalize_advantage": True,
        "normalize_input": True,
        "normalize_value": True,
        "value_bootstrap": True,
    }


def policy(*, discrete: bool) -> dict[str, Any]:
    """Name PPO and configure its network."""
    kind = "discrete" if discrete else "continuous"
    continuous = {
        "mu_activation": "None",
        "sigma_activation": "None",
        "mu_init": {"name": "default"},
        "sigma_init": {"name": "const_initializer", "val": 0},
        "fixed_sigma": True,
    }
    return {
        "algo": {"name": f"a2c_{kind}"},
        "model": {"name": "discrete_a2c" if discrete else "continuous_a2c_logstd"},
        "network": {
            "name": "actor_critic",
            "separate": False,
            "space": {kind: {} if discrete else continuous},
            "mlp": {"units": [64, 64], "activation": "elu", "initializer": {"name": "default"}},
        },
    }


def default(options: Options) -> None:
    """Print what a plain run prints."""
    train(options, max_epochs=options.iterations)


def compiled(options: Options) -> None:
    """Compile the model, as 1.6.5 does by default, which takes a C++ compiler and half a minute."""
    train(options, max_epochs=options.iterations, torch_compile=True)


def discrete(options: Options) -> None:
    """Choose between two actions."""
    train(options, discrete=True, max_epochs=options.iterations)


def sac(options: Options) -> None:
    """Train with SAC, which prints its configuration and more besides."""
    network = {
        "name": "soft_actor_critic",
        "separate": True,
        "space": {"continuous": {}},
        "mlp": {"units": [64, 64], "activation": "relu", "initializer": {"name": "default"}},
        "log_std_bounds": [-5, 2],
    }
    train(
        options,
        # Where observations are tensors, SAC of 1.6.1 ends in the first step: "'dict' object has no attribute 'clone'".
        adapter=ArrayEnvironment if VERSION == (1, 6, 1) else Environment,
        parameters={"algo": {"name": "sac"}, "model": {"name": "soft_actor_critic"}, "network": network},
        max_epochs=options.iterations,
        num_steps_per_episode=options.horizon,
        num_warmup_steps=2,  # epochs
        normalize_input=True,
        batch_size=256,
        replay_buffer_size=100_000,
        critic_tau=0.005,
        init_alpha=1.0,
        learnable_temperature=True,
        actor_lr=5e-4,
        critic_lr=5e-4,
        alpha_lr=5e-3,
    )


def frames(options: Options) -> None:
    """End after a number of frames; the number of epochs is not limited."""
    train(options, max_frames=options.num_envs * options.horizon * options.iterations)


def limits(options: Options) -> None:
    """Limit the epochs and the frames, and name the experiment; the epochs end it."""
    frames = 2 * options.num_envs * options.horizon * options.iterations
    name = "cartpole_limited"
    train(options, max_epochs=options.iterations, max_frames=frames, full_experiment_name=name)


def checkpoints(options: Options) -> None:
    """Save every so often, and the best only later on; the policy hardly learns, so that few are the best."""
    rate: dict[str, Any] = {"learning_rate": 1e-6, "lr_schedule": None}
    train(options, max_epochs=options.iterations, save_frequency=2, save_best_after=5, **rate)


def won(options: Options) -> None:
    """Limit nothing, and end when a score is reached."""
    train(options, score_to_win=22.0)


def resumed(options: Options) -> None:
    """Restore what a first run saved, and go on."""
    if VERSION <= (1, 6, 1):
        # Checkpoints contain NumPy scalars, which torch from 2.6 on loads only with this setting.
        os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    not_resumed(options)


def not_resumed(options: Options) -> None:
    """Do so with torch as it is, which up to 1.6.1 refuses to load it."""
    first = options.iterations // 2 + 1
    train(options, max_epochs=first, full_experiment_name="cartpole_first")
    saved = "runs/cartpole_first/nn/cartpole.pth"
    train(options, max_epochs=options.iterations, checkpoint=saved)


def diverged(options: Options) -> None:
    """Take a step that diverges."""
    train(options, max_epochs=options.iterations, learning_rate=1e30)


def struck(options: Options) -> None:
    """Save after each epoch, with an injected fault."""
    train(options, max_epochs=options.iterations, save_frequency=1)


def struck_compiled(options: Options) -> None:
    """Do so with a compiled model."""
    train(options, max_epochs=options.iterations, save_frequency=1, torch_compile=True)


class OnCpu(dict[str, Any]):
    """A configuration in which the device stays the processor: RL-Games makes it a GPU where there are several ranks."""

    def __setitem__(self, name: str, value: object) -> None:
        """Set a value, other than another device."""
        super().__setitem__(name, "cpu" if name == "device" else value)


def ranks(options: Options, *torchrun: str, **config: Any) -> None:  # noqa: ANN401 - as RL-Games takes it
    """Train in two processes."""
    ensure_ranks(*torchrun)
    train(options, max_epochs=options.iterations, multi_gpu=True, **config)


def ranks_named(options: Options) -> None:
    """Have torchrun name the rank at the start of each line."""
    ranks(options, "--tee=3")


def ranks_diverged(options: Options) -> None:
    """Take a step that diverges, in two processes."""
    ranks(options, learning_rate=1e30)


def ranks_named_diverged(options: Options) -> None:
    """Do so where torchrun names the rank as well."""
    ranks(options, "--tee=3", learning_rate=1e30)


if __name__ == "__main__":
    main(
        {
            "default": default,
            "compiled": compiled,
            "discrete": discrete,
            "sac": sac,
            "frames": frames,
            "limits": limits,
            "checkpoints": checkpoints,
            "won": won,
            "resumed": resumed,
            "not_resumed": not_resumed,
            "diverged": diverged,
            "struck": struck,
            "struck_compiled": struck_compiled,
            "ranks": ranks,
            "ranks_named": ranks_named,
            "ranks_diverged": ranks_diverged,
            "ranks_named_diverged": ranks_named_diverged,
        }
    )
