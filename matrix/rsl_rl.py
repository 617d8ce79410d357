"""The cart-pole with whichever version of RSL-RL is installed: ``python -m matrix.rsl_rl VARIANT``."""

from __future__ import annotations

import os
from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch
from tensordict import TensorDict

from matrix._script import Options, main

# RSL-RL imports GitPython, which refuses to load where no git program is installed unless told to be quiet.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner

if TYPE_CHECKING:
    from torch import Tensor

    from stepscope.envs import CartPole

MAJOR, MINOR = (int(part) for part in metadata.version("rsl-rl-lib").split(".")[:2])
GROUPS_SINCE = 3
"""From here on an environment returns groups of observations; before, the policy's, and the others in a dict."""
MODELS_SINCE = 4
"""From here on the actor and the critic are configured one by one."""
DISTRIBUTION_SINCE = 5
"""From here on the actor's noise has a configuration of its own."""


class Environment(VecEnv):
    """The cart-pole as any version of RSL-RL wants it."""

    num_actions = 1
    num_obs = 4
    num_privileged_obs = 4
    step_dt = 0.02

    def __init__(self, env: CartPole, *, episode_terms: bool) -> None:
        self.env = env
        self.num_envs = env.num_envs
        self.device = env.device
        self.max_episode_length = env.episode_length
        self.episode_length_buf = torch.zeros(env.num_envs, dtype=torch.long)
        self.cfg: dict[str, object] = {}
        self.episode_terms = episode_terms
        self.observations = env.state

    @property
    def unwrapped(self) -> Environment:
        """Where random network distillation looks for the time of a step."""
        return self

    def get_observations(self) -> Any:  # noqa: ANN401 - it is one or the other by version
        """Return what the policy sees, as this version wants it."""
        if MAJOR >= GROUPS_SINCE:
            return TensorDict({"policy": self.observations}, batch_size=[self.num_envs])
        return self.observations, self._others()

    def reset(self) -> tuple[Tensor, dict[str, Any]]:
        """Reset all environments; only versions without groups of observations call it."""
        self.observations, _ = self.env.reset()
        return self.observations, self._others()

    def step(self, actions: Tensor) -> tuple[Any, Tensor, Tensor, dict[str, Any]]:
        """Advance by one step."""
        self.observations, rewards, terminated, truncated, infos = self.env.step(actions)
        done = terminated | truncated
        self.episode_length_buf = (self.episode_length_buf + 1) * ~done
        extras: dict[str, Any] = {"time_outs": truncated}
        if self.episode_terms:
            extras["log"] = episode_terms(infos["final_obs"][done], terminated) if done.any() else {}
        if MAJOR < GROUPS_SINCE:
            extras |= self._others()
        observations = self.get_observations()
        return observations if MAJOR >= GROUPS_SINCE else observations[0], rewards, done.long(), extras

    def _others(self) -> dict[str, Any]:
        return {"observations": {"rnd_state": self.observations}}


def episode_terms(final_observations: Tensor, terminated: Tensor) -> dict[str, Any]:
    """Terms as tasks add them to the log: with a group in the name and without, a tensor and a number, and a long name."""
    return {
        "Episode_Reward/upright": torch.cos(final_observations[:, 2]).mean(),
        "Episode_Termination/cart_or_pole_further_out_than_the_task_allows": terminated.float().sum(),
        "curriculum_level": 3,
    }


def mirrored(*, env: object, obs: Any, actions: Tensor | None, **_: object) -> tuple[Any, Tensor | None]:  # noqa: ANN401, ARG001 - a tensor or groups, by version; given by name
    """Append the mirror images: left and right of a cart-pole differ by their sign."""
    if isinstance(obs, TensorDict):
        images: Any = torch.cat([obs, obs.apply(torch.neg)])
    else:
        images = None if obs is None else torch.cat([obs, -obs])
    return images, None if actions is None else torch.cat([actions, -actions])


def algorithm(*, rnd: bool, learning_rate: float | None) -> dict[str, Any]:
    """Configure PPO; the parts that 2.2 added are named from there on."""
    settings: dict[str, Any] = {
        "class_name": "PPO",
        "num_learning_epochs": 5,
        "num_mini_batches": 4,
        "learning_rate": learning_rate or 1e-3,
        "schedule": "fixed" if learning_rate else "adaptive",
        "desired_kl": 0.01,
        "gamma": 0.99,
        "lam": 0.95,
    }
    if (MAJOR, MINOR) >= (2, 2):
        settings["rnd_cfg"] = distillation() if rnd else None
        settings["symmetry_cfg"] = mirror_loss() if rnd else None
    return settings


def distillation() -> dict[str, Any]:
    """Configure random network distillation, which scales its weight by the time of a step."""
    widths = {"predictor_hidden_dims": [16], "target_hidden_dims": [16]}
    return {"num_outputs": 4, "weight": 50.0, **widths}


def mirror_loss() -> dict[str, Any]:
    """Configure the loss for actions that are not mirrored."""
    coefficients = {"use_data_augmentation": True, "use_mirror_loss": True, "mirror_loss_coeff": 0.1}
    return {"data_augmentation_func": mirrored, **coefficients}


def models() -> dict[str, Any]:
    """Configure the networks."""
    if MAJOR < MODELS_SINCE:
        sizes = {"actor_hidden_dims": [64, 64], "critic_hidden_dims": [64, 64]}
        return {"policy": {"class_name": "ActorCritic", "activation": "elu", "init_noise_std": 1.0, **sizes}}
    network: dict[str, Any] = {"class_name": "MLPModel", "hidden_dims": [64, 64], "activation": "elu"}
    noise: dict[str, Any] = {"stochastic": True, "init_noise_std": 1.0}
    if MAJOR >= DISTRIBUTION_SINCE:
        noise = {"distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 1.0}}
    return {"actor": network | noise, "critic": dict(network)}


def runner(
    options: Options,
    env: CartPole | None = None,
    *,
    episode_terms: bool = False,
    rnd: bool = False,
    learning_rate: float | None = None,
    save_interval: int | None = None,
) -> OnPolicyRunner:
    """Make the runner, on request with terms of episodes, or with random network distillation and symmetry.

    Without a learning rate it follows the measured KL divergence.
    """
    env = env or options.cartpole()
    torch.manual_seed(options.seed)
    settings = {
        "num_steps_per_env": options.horizon,
        "save_interval": save_interval or options.iterations,
        "run_name": "mirrored_and_curious" if rnd else "",
        "algorithm": algorithm(rnd=rnd, learning_rate=learning_rate),
        **models(),
    }
    if MAJOR < GROUPS_SINCE:
        settings["empirical_normalization"] = False
    else:
        actor = "actor" if MAJOR >= MODELS_SINCE else "policy"
        settings["obs_groups"] = {name: ["policy"] for name in (actor, "critic")}
        if rnd:
            settings["obs_groups"]["rnd_state"] = ["policy"]
    adapter = Environment(env, episode_terms=episode_terms)
    return OnPolicyRunner(adapter, settings, log_dir="runs", device="cpu")


def default(options: Options) -> None:
    """Print what a plain run prints."""
    runner(options).learn(options.iterations)


def extras(options: Options) -> None:
    """Print episode terms, which are there only on steps in which an episode ended."""
    runner(options, episode_terms=True).learn(options.iterations)


def rnd(options: Options) -> None:
    """Print all that random network distillation, symmetry and a name of the run add."""
    runner(options, rnd=True).learn(options.iterations)


def late_episodes(options: Options) -> None:
    """Print iterations in which no episode has ended yet: nothing fails, and all are cut off together."""
    length = 2 * options.horizon + options.horizon // 2
    env = options.cartpole(episode_length=length, angle_limit=1e3, track_half_length=1e6)
    runner(options, env).learn(options.iterations)


def continued(options: Options) -> None:
    """Call ``learn`` a second time."""
    first = options.iterations // 2 + 1
    trainer = runner(options)
    trainer.learn(first)
    trainer.learn(options.iterations - first)


def resumed(options: Options) -> None:
    """Load the model that a first run saved, and go on."""
    first = options.iterations // 2 + 1
    runner(options).learn(first)
    trainer = runner(options)
    trainer.load(f"runs/model_{first - 1}.pt")
    trainer.learn(options.iterations - first)


def diverged(options: Options) -> None:
    """Take a step that diverges."""
    runner(options, learning_rate=1e30).learn(options.iterations)


def struck(options: Options) -> None:
    """Save after each iteration, with an injected fault."""
    runner(options, save_interval=1).learn(options.iterations)


if __name__ == "__main__":
    main(
        {
            "default": default,
            "extras": extras,
            "rnd": rnd,
            "late_episodes": late_episodes,
            "continued": continued,
            "resumed": resumed,
            "diverged": diverged,
            "struck": struck,
        }
    )
