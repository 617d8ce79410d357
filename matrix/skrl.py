"""``python -m matrix.skrl VARIANT``: train the cart-pole with whichever version of skrl is installed."""

from __future__ import annotations

import sys
import time
from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch
from gymnasium import spaces

from matrix._ranks import ensure_ranks
from matrix._script import Options, main
from matrix._terminal import ensure_terminal

# Before skrl is imported: it looks for other ranks then, and 1.3.0 prints something.
if sys.argv[1:2] == ["ranks"]:
    ensure_ranks()
elif sys.argv[1:2] == ["terminal"]:
    ensure_terminal()
elif sys.argv[1:2] == ["narrow_terminal"]:
    ensure_terminal(columns=30)

from skrl.agents.torch.ppo import PPO
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.trainers.torch import ParallelTrainer, SequentialTrainer, StepTrainer
from skrl.utils import set_seed
from skrl.utils.runner.torch import Runner

if TYPE_CHECKING:
    from torch import Tensor

    from stepscope.envs import CartPole

VERSION = tuple(int(part) for part in metadata.version("skrl").split("."))
OBSERVATIONS_SINCE = (2, 0, 0)
"""From here on a model sees ``observations``, which were ``states`` before."""
NEW = VERSION >= OBSERVATIONS_SINCE


class Environment:
    """The cart-pole with the interface of Isaac Lab, for which every version has a wrapper."""

    def __init__(self, env: CartPole, *, pause: float) -> None:
        self.env = env
        self.pause = pause
        self.unwrapped = self
        self.num_envs = env.num_envs
        self.device = env.device
        self.single_observation_space = spaces.Dict({"policy": env.single_observation_space})
        self.single_action_space = env.single_action_space

    def reset(self, *, seed: int | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Reset all environments."""
        observations, infos = self.env.reset(seed=seed)
        return {"policy": observations}, infos

    def step(self, actions: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor, dict[str, Any]]:
        """Advance by one step, after a pause."""
        time.sleep(self.pause)
        observations, *rest = self.env.step(actions)
        return {"policy": observations}, *rest

    def close(self) -> None:
        """Do nothing."""


def layers(inputs: int, outputs: int) -> torch.nn.Sequential:
    """Return a small network."""
    return torch.nn.Sequential(torch.nn.Linear(inputs, 64), torch.nn.ELU(), torch.nn.Linear(64, outputs))


class Policy(GaussianMixin, Model):
    """A mean for each observation, and a standard deviation."""

    def __init__(self, **arguments: Any) -> None:  # noqa: ANN401 - handed on to skrl as they are
        Model.__init__(self, **arguments)
        GaussianMixin.__init__(self)
        self.layers = layers(self.num_observations, self.num_actions)
        self.log_std = torch.nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Any, ...]:  # noqa: ARG002 - skrl's signature
        """Return the distribution."""
        if NEW:
            return self.layers(inputs["observations"]), {"log_std": self.log_std}
        return self.layers(inputs["states"]), self.log_std, {}


class Value(DeterministicMixin, Model):
    """A value for each observation."""

    def __init__(self, **arguments: Any) -> None:  # noqa: ANN401 - handed on to skrl as they are
        Model.__init__(self, **arguments)
        DeterministicMixin.__init__(self)
        self.layers = layers(self.num_observations, 1)

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Tensor, dict[str, Any]]:  # noqa: ARG002 - skrl's signature
        """Return the value."""
        return self.layers(inputs["observations" if NEW else "states"]), {}


def environment(options: Options, *, pause: float = 0.0) -> Any:  # noqa: ANN401 - skrl ships no types
    """Wrap the environment."""
    set_seed(options.seed)
    return wrap_env(Environment(options.cartpole(), pause=pause), wrapper="isaaclab-single-agent")


def agent(options: Options, env: Any, *, num_envs: int | None = None, learning_rate: float = 1e-3) -> PPO:  # noqa: ANN401 - as above
    """Make an agent for some of the environments, or for all."""
    arguments = {
        "observation_space": env.observation_space,
        "action_space": env.action_space,
        "device": env.device,
        **({"state_space": None} if NEW else {}),
    }
    return PPO(
        models={"policy": Policy(**arguments), "value": Value(**arguments)},
        memory=RandomMemory(
            memory_size=options.horizon, num_envs=num_envs or env.num_envs, device=env.device
        ),
        cfg={**ppo(options), "learning_rate": learning_rate},
        **arguments,
    )


def ppo(options: Options) -> dict[str, Any]:
    """Configure PPO as every version knows it."""
    saving = options.horizon if options.fault else 0  # after each rollout, or never
    writing = {"directory": "runs", "write_interval": options.horizon, "checkpoint_interval": saving}
    return {"rollouts": options.horizon, "learning_epochs": 4, "mini_batches": 4, "experiment": writing}


def steps(options: Options) -> dict[str, Any]:
    """Configure a trainer."""
    return {"timesteps": options.iterations * options.horizon, "headless": True}


def default(options: Options, *, pause: float = 0.0, learning_rate: float = 1e-3) -> None:
    """Print what a plain run prints."""
    env = environment(options, pause=pause)
    ppo_agent = agent(options, env, learning_rate=learning_rate)
    SequentialTrainer(env=env, agents=ppo_agent, cfg=steps(options)).train()


def slow(options: Options) -> None:
    """Take more than a second for a step."""
    default(options, pause=1.2)


def step_trainer(options: Options) -> None:
    """Call the trainer for each step."""
    env = environment(options)
    # With one agent, 1.4.3 ends in the first step: "vstack expects a non-empty TensorList".
    agents = pair(options, env) if VERSION == (1, 4, 3) else agent(options, env)
    trainer = StepTrainer(env=env, agents=agents, cfg=steps(options))
    for _ in range(options.iterations * options.horizon):
        trainer.train()


def parallel(options: Options) -> None:
    """Train two agents, each in a process of its own with half of the environments.

    In 1.4.3 both end in the first step with "KeyError: 'stochastic_evaluation'", and the trainer waits for ever.
    """
    env = environment(options)
    ParallelTrainer(env=env, agents=pair(options, env), cfg=steps(options)).train()


def pair(options: Options, env: Any) -> list[PPO]:  # noqa: ANN401 - as above
    """Make two agents with half of the environments each."""
    return [agent(options, env, num_envs=options.num_envs // 2) for _ in range(2)]


def runner(options: Options) -> None:
    """Have everything made from a configuration, as Isaac Lab does; what it makes is printed first."""
    net = {
        "name": "net",
        "input": "OBSERVATIONS" if NEW else "STATES",
        "layers": [32, 32],
        "activations": "elu",
    }
    policy = {
        "class": "GaussianMixin",
        "clip_actions": False,
        "clip_log_std": True,
        "min_log_std": -20.0,
        "max_log_std": 2.0,
        "initial_log_std": 0.0,
        "network": [net],
        "output": "ACTIONS",
    }
    value = {"class": "DeterministicMixin", "clip_actions": False, "network": [net], "output": "ONE"}
    configuration = {
        "seed": options.seed,
        "models": {"separate": False, "policy": policy, "value": value},
        "memory": {"class": "RandomMemory", "memory_size": -1},
        # A name that 2.0.0 gave up; it warns where it finds it.
        "agent": {"class": "PPO", "lambda": 0.95, **ppo(options)},
        "trainer": {"class": "SequentialTrainer", **steps(options)},
    }
    Runner(environment(options), configuration, **({"verbose": True} if NEW else {})).run()


def diverged(options: Options) -> None:
    """Take a step that diverges."""
    default(options, learning_rate=1e30)


if __name__ == "__main__":
    main(
        {
            "default": default,
            "terminal": default,  # the bar fills it
            "narrow_terminal": default,  # too narrow for all of its numbers
            "slow": slow,
            "step_trainer": step_trainer,
            "parallel": parallel,
            "runner": runner,
            "diverged": diverged,
            "struck": default,
            "ranks": default,  # in two processes
        }
    )
