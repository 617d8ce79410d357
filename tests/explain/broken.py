"""Runs of real libraries with one thing wrong: ``python broken.py NAME`` prints what the library prints."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # it runs in a process of its own

from stepscope.envs import CartPole
from stepscope.envs.faults import Fault, Faulty
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def train(library: str, env: Any, **options: Any) -> None:  # noqa: ANN401 - whatever that library takes
    """Train with one of the modules of `stepscope.train`."""
    module = __import__(f"stepscope.train.{library}", fromlist=["train"])
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        module.train(env, log_dir=folder, **options)


def train_sb3(*, iterations: int, horizon: int = 16, seed: int = 0, **settings: Any) -> None:  # noqa: ANN401
    """Train Stable-Baselines3's PPO with settings that `stepscope.train` does not offer."""
    from stable_baselines3 import PPO  # noqa: PLC0415 - each run imports its own library
    from stable_baselines3.common.vec_env import VecMonitor  # noqa: PLC0415 - as above

    from stepscope.train.sb3 import _Environment  # noqa: PLC0415 - as above

    env = VecMonitor(_Environment(CartPole(16, seed=seed), discrete=False))
    common: dict[str, Any] = {"n_steps": horizon, "batch_size": 4 * horizon, "seed": seed, "device": "cpu"}
    model = PPO("MlpPolicy", env, verbose=1, **{**common, **settings})
    model.learn(iterations * horizon * 16)


class Slowing:
    """An environment whose step takes four times as long from a certain one on, by a clock that it drives itself."""

    def __init__(self, env: Any, steps: int) -> None:  # noqa: ANN401 - any environment
        self._env = env
        self._clock = VirtualTime()
        self._clock.install()
        self._pace: Iterator[float] = itertools.chain(itertools.repeat(0.001, steps), itertools.repeat(0.004))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the environment has
        return getattr(self._env, name)

    def step(self, actions: Any) -> Any:  # noqa: ANN401 - a tensor, and tensors
        """Step the environment, and let time pass."""
        self._clock.advance(next(self._pace))
        return self._env.step(actions)


def nan_loss() -> None:
    """One reward is so large that its square is infinite."""
    fault = Fault(tensor="rewards", value=1e25, step=5 * 16, env=3)
    train("rsl_rl", Faulty(CartPole(16), fault), iterations=8, horizon=16)


def nan_reward() -> None:
    """One reward is infinite, and its episode ends within the same rollout."""
    fault = Fault(tensor="rewards", value=float("inf"), step=2 * 64 + 1, env=3)
    train("sb3", Faulty(CartPole(16), fault), iterations=4, horizon=64)


def exploding_loss() -> None:
    """The reward of one environment is absurd in one step."""
    fault = Fault(tensor="rewards", value=-1e9, step=14 * 16, env=3)
    train("rsl_rl", Faulty(CartPole(16), fault), iterations=20, horizon=16)


def action_std_runaway() -> None:
    """The bonus for entropy outweighs the reward."""
    train_sb3(iterations=40, learning_rate=0.003, ent_coef=10.0)


def action_std_collapsed() -> None:
    """The bonus for entropy has the wrong sign."""
    train_sb3(iterations=30, learning_rate=0.01, ent_coef=-10.0)


def kl_far_above_target() -> None:
    """The learning rate is thousands of times too large."""
    train_sb3(iterations=8, learning_rate=1.0)


def reward_collapsed() -> None:
    """A schedule raises the learning rate to 1 in the middle of the run."""
    train_sb3(iterations=130, learning_rate=lambda left: 0.002 if left > 0.5 else 1.0)


def episodes_end_at_once() -> None:
    """The limit of the pole's angle is smaller than the angles it starts with."""
    train("rsl_rl", CartPole(16, angle_limit=1e-4), iterations=40, horizon=8)


def reward_stands_still() -> None:
    """The learning rate is far too small."""
    train_sb3(iterations=110, learning_rate=1e-12, n_epochs=1)


def throughput_fell() -> None:
    """The simulation becomes four times as slow in the middle of the run."""
    train("rsl_rl", Slowing(CartPole(16), steps=30 * 8), iterations=70, horizon=8)


def update_takes_most_of_the_time() -> None:
    """The networks are large and the rollouts are cut into many minibatches."""
    train("rsl_rl", CartPole(64), iterations=12, horizon=8, minibatches=16, hidden=(256, 256))


def only_a_cold_iteration() -> None:
    """The run ends after the first iteration."""
    train("rl_games", CartPole(16), iterations=1, horizon=16)


RUNS: dict[str, Callable[[], None]] = {
    run.__name__: run
    for run in (
        nan_loss,
        nan_reward,
        exploding_loss,
        action_std_runaway,
        action_std_collapsed,
        kl_far_above_target,
        reward_collapsed,
        episodes_end_at_once,
        reward_stands_still,
        throughput_fell,
        update_takes_most_of_the_time,
        only_a_cold_iteration,
    )
}
"""What breaks each rule, under its name."""

if __name__ == "__main__":
    RUNS[sys.argv[1]]()
