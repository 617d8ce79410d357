"""``python -m matrix.sb3 VARIANT``: train the cart-pole with whichever version of Stable-Baselines3 is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common import callbacks
from stable_baselines3.common.vec_env import VecMonitor
from tqdm import tqdm  # type: ignore[import-untyped]

from matrix._script import Options, main
from matrix._terminal import ensure_terminal
from stepscope.envs import CartPole
from stepscope.train.sb3 import _Environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn


class Judged(_Environment):
    """The environment with a word on whether a finished episode was a success."""

    def step_wait(self) -> VecEnvStepReturn:
        """Advance by one step."""
        observations, rewards, done, infos = super().step_wait()
        for index in np.flatnonzero(done):
            infos[index]["is_success"] = infos[index]["TimeLimit.truncated"]
        return observations, rewards, done, infos


def environment(options: Options, *, discrete: bool = False) -> VecMonitor:
    """Make the environment, which notes its episodes: without that no table has a section on them."""
    return VecMonitor(_Environment(options.cartpole(), discrete=discrete))


def judged(num_envs: int, *, seed: int) -> VecMonitor:
    """Make one in which it is a success not to fall for some steps."""
    env = CartPole(num_envs, episode_length=50)
    env.reset(seed=seed)
    return VecMonitor(Judged(env, discrete=False))


def common(options: Options) -> dict[str, Any]:
    """Configure what all algorithms have in common."""
    return {"policy": "MlpPolicy", "verbose": 1, "seed": options.seed, "device": "cpu"}


def train(model: BaseAlgorithm, options: Options, **learn: Any) -> None:  # noqa: ANN401 - as SB3 takes it
    """Train for as many steps as the options say."""
    model.learn(options.iterations * options.horizon * options.num_envs, **learn)


def ppo(options: Options, **settings: Any) -> PPO:  # noqa: ANN401 - as SB3 takes it
    """Make a learner that updates once in a rollout."""
    batch = options.num_envs * options.horizon // 4
    arguments = {"n_steps": options.horizon, "batch_size": batch, **common(options), **settings}
    return PPO(**{"env": environment(options), **arguments})


def default(options: Options) -> None:
    """Print what a plain run prints."""
    train(ppo(options, tensorboard_log="runs"), options)


def a2c(options: Options) -> None:
    """Train with A2C, which prints a table once in a hundred rollouts."""
    train(A2C(env=environment(options), n_steps=options.horizon, **common(options)), options)


def off_policy(
    algorithm: Callable[..., BaseAlgorithm],
    options: Options,
    callback: callbacks.BaseCallback | None = None,
    **settings: object,
) -> None:
    """Train with an algorithm that learns from a buffer, and prints a table once in four episodes."""
    env = environment(options, discrete=algorithm is DQN)
    often = {"train_freq": options.horizon, "gradient_steps": 8, "learning_starts": 1000}
    train(algorithm(env=env, **{**often, **settings}, **common(options)), options, callback=callback)


def sac(options: Options) -> None:
    """Train with SAC."""
    off_policy(SAC, options)


def td3(options: Options) -> None:
    """Train with TD3, and save the buffer with the policy."""
    saving = {"name_prefix": "td3", "save_replay_buffer": True, "verbose": 2}
    off_policy(TD3, options, callbacks.CheckpointCallback(4 * options.horizon, "checkpoints", **saving))


def dqn(options: Options) -> None:
    """Train with DQN, which pushes with full force to the left or to the right."""
    off_policy(DQN, options)


def several_tables(options: Options) -> None:
    """Finish so many episodes between two updates that there are several tables, all but the first without losses."""
    off_policy(DQN, options)


def checkpoints(options: Options) -> None:
    """Save every so often."""
    saving = callbacks.CheckpointCallback(4 * options.horizon, "checkpoints", verbose=2)
    train(ppo(options), options, callback=saving)


class Recorder(callbacks.BaseCallback):
    """Records values once in a rollout, as users do."""

    def __init__(self, values: dict[str, object]) -> None:
        super().__init__()
        self.values = values

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        for name, value in self.values.items():
            self.logger.record(name, value)


def custom_keys(options: Options) -> None:
    """Print values of all kinds under names of all kinds."""
    values = {
        "no_section": 0.5,
        "custom/single_precision": np.float32(1 / 3),
        "custom/double_precision": np.float64(1 / 3),
        "custom/large": 1.23456789e9,
        "custom/large_whole": 1234567890,
        "custom/small": 1.5e-7,
        "custom/not_a_number": float("nan"),
        "custom/infinite": float("-inf"),
        "custom/true": True,
        "custom/nothing": None,
        "custom/text": "curriculum level three",
        "custom/long_text": "a sentence that is longer than a column is allowed to be",
        "custom/an_array": np.array([0.5, 1.5]),
        "custom/nested/deeper": 2.0,
        "custom/a_name_that_is_longer_than_a_column_is_allowed_to_be": 3.0,
        "a_name_without_a_section_that_is_longer_than_a_column": 4.0,
        "reward terms/with a space": -0.25,
    }
    train(ppo(options), options, callback=Recorder(values))


def clashing_keys(options: Options) -> None:
    """Print two names that are the same where they are cut off, which ends the training."""
    name = "custom/a_name_that_is_longer_than_a_column_is_allowed_to_be"
    train(ppo(options), options, callback=Recorder({f"{name}_1": 1.0, f"{name}_2": 2.0}))


def evaluation(options: Options) -> None:
    """Evaluate now and then, keep the best, and say how many episodes were a success."""
    stop = callbacks.StopTrainingOnRewardThreshold(reward_threshold=47.0, verbose=1)
    watch = callbacks.EvalCallback(
        judged(8, seed=options.seed + 1),
        eval_freq=2 * options.horizon,
        callback_on_new_best=stop,
        best_model_save_path="best",
    )
    train(ppo(options, env=judged(options.num_envs, seed=options.seed)), options, callback=watch)


def early_stopping(options: Options) -> None:
    """Stop an update that has gone too far."""
    train(ppo(options, target_kl=0.002), options)


def log_every(options: Options) -> None:
    """Print a table after so many steps instead of so many rollouts; there is none of it up to 2.5."""
    often = callbacks.LogEveryNTimesteps(3 * options.horizon * options.num_envs)
    train(ppo(options), options, callback=often, log_interval=options.iterations + 1)


def progress_bar(options: Options) -> None:
    """Draw a bar below the tables."""
    train(ppo(options), options, progress_bar=True)


def progress_bar_terminal(options: Options) -> None:
    """Draw it in a terminal, again and again."""
    ensure_terminal()
    progress_bar(options)


class Bar(callbacks.BaseCallback):
    """Draws a bar of tqdm, as users do; that of Stable-Baselines3 is one of rich."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total

    def _on_training_start(self) -> None:
        self.bar = tqdm(total=self.total)

    def _on_step(self) -> bool:
        self.bar.update(self.training_env.num_envs)
        return True

    def _on_training_end(self) -> None:
        self.bar.close()


def tqdm_bar(options: Options) -> None:
    """Draw a bar of one's own between the tables."""
    train(ppo(options), options, callback=Bar(options.iterations * options.horizon * options.num_envs))


def resumed(options: Options) -> None:
    """Load what a first run saved, and go on counting steps."""
    first = options.iterations // 2 + 1
    rest = options.iterations - first
    steps = options.horizon * options.num_envs
    model = ppo(options)
    model.learn(first * steps)
    model.save("first")
    PPO.load("first", env=environment(options), device="cpu").learn(rest * steps, reset_num_timesteps=False)


def diverged(options: Options) -> None:
    """Take a step that diverges."""
    train(ppo(options, learning_rate=1e30), options)


def struck(options: Options) -> None:
    """Save after each rollout, with an injected fault."""
    train(ppo(options), options, callback=callbacks.CheckpointCallback(options.horizon, "checkpoints"))


def struck_dqn(options: Options) -> None:
    """Do so with an algorithm that learns from a buffer, so often that the bad value is among what it draws."""
    saving = callbacks.CheckpointCallback(options.horizon, "checkpoints")
    off_policy(DQN, options, saving, gradient_steps=64, learning_starts=100, target_update_interval=64)


if __name__ == "__main__":
    main(
        {
            "default": default,
            "a2c": a2c,
            "sac": sac,
            "td3": td3,
            "dqn": dqn,
            "several_tables": several_tables,
            "checkpoints": checkpoints,
            "custom_keys": custom_keys,
            "clashing_keys": clashing_keys,
            "evaluation": evaluation,
            "early_stopping": early_stopping,
            "log_every": log_every,
            "progress_bar": progress_bar,
            "progress_bar_terminal": progress_bar_terminal,
            "tqdm_bar": tqdm_bar,
            "resumed": resumed,
            "diverged": diverged,
            "struck": struck,
            "struck_dqn": struck_dqn,
        }
    )
