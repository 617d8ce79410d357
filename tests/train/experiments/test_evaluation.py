"""Returns of saved policies, against RSL-RL's own policy in the same episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.train.experiments.evaluation import evaluate_checkpoints, interquartile_mean
from stepscope.train.experiments.learning import learn

if TYPE_CHECKING:
    from pathlib import Path

EPISODES, SEED = 8, 3


@pytest.mark.live
def test_the_saved_policies_act_as_rsl_rls_own(tmp_path: Path) -> None:
    """The mean return of each checkpoint is that of RSL-RL's policy with its weights, one episode after the other."""
    learn(
        "rsl_rl",
        num_envs=32,
        horizon=16,
        minibatches=4,
        seed=0,
        until=500,
        max_env_steps=32 * 16 * 5,
        log_dir=str(tmp_path),
        checkpoint_every=2,
    )

    returns = evaluate_checkpoints(tmp_path, episodes=EPISODES, seed=SEED)

    assert list(returns) == [0, 2, 4]
    assert len({round(mean) for mean in returns.values()}) > 1
    for iteration, mean in returns.items():
        assert mean == pytest.approx(
            sum(own_return(tmp_path / f"model_{iteration}.pt", episode) for episode in range(EPISODES))
            / EPISODES
        )


def own_return(checkpoint: Path, episode: int) -> float:
    """Run one episode with RSL-RL's model, loaded by RSL-RL's own names of its weights."""
    from rsl_rl.models import MLPModel  # noqa: PLC0415 - the library that trained it
    from tensordict import TensorDict  # noqa: PLC0415

    env = CartPole(EPISODES, seed=SEED)
    observations, _ = env.reset(seed=SEED)
    group = TensorDict({"policy": observations}, batch_size=[EPISODES])
    policy = MLPModel(
        group,
        {"actor": ["policy"]},
        "actor",
        1,
        hidden_dims=[64, 64],
        activation="elu",
        distribution_cfg={"class_name": "GaussianDistribution", "init_std": 1.0},
    )
    policy.load_state_dict(torch.load(checkpoint, weights_only=True)["actor_state_dict"])
    total = 0.0
    done = torch.zeros((), dtype=torch.bool)
    with torch.no_grad():
        while not done:
            actions = policy(TensorDict({"policy": observations}, batch_size=[EPISODES]))
            observations, rewards, terminated, truncated, _ = env.step(actions)
            total += float(rewards[episode])
            done = (terminated | truncated)[episode]
    return total


def test_a_folder_without_checkpoints_is_refused(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(BadInputError, match="holds no checkpoint"):
        evaluate_checkpoints(tmp_path)


def test_the_interquartile_mean_leaves_out_the_extreme_quarters() -> None:
    """Of eight values the two least and the two greatest do not count."""
    mean = interquartile_mean([-1000.0, 1.0, 2.0, 4.0, 6.0, 8.0, 9.0, 1000.0])
    assert mean.value == pytest.approx((2 + 4 + 6 + 8) / 4)
    assert mean.low < mean.value < mean.high
    assert mean.samples == 8


def test_equal_values_have_no_interval() -> None:
    """There is nothing to resample."""
    assert interquartile_mean([3.0] * 8).show("{:.1f}") == "3.0"


@pytest.mark.live
@pytest.mark.parametrize("random_age", [False, True])
def test_random_ages_reach_the_environment(*, random_age: bool, tmp_path: Path) -> None:
    """RSL-RL sets a buffer of its environment's; ours is the counter that ends the episodes, and the states stay."""
    ages: list[torch.Tensor] = []
    states: list[torch.Tensor] = []

    class Watched(CartPole):
        def step(self, actions: torch.Tensor):  # noqa: ANN202 - the environment's own
            if not ages:
                ages.append(self.steps.clone())
                states.append(self.state)
            return super().step(actions)

    env = Watched(64, seed=0, episode_length=10)
    learn(
        "rsl_rl",
        num_envs=64,
        horizon=4,
        minibatches=4,
        seed=0,
        until=500,
        max_env_steps=64 * 4,
        env=env,
        log_dir=str(tmp_path),
        init_at_random_ep_len=random_age,
    )

    assert set(ages[0].tolist()) == (set(range(10)) if random_age else {0})
    assert states[0].abs().max() <= 0.05


@pytest.mark.live
@pytest.mark.parametrize(("schedule", "changes"), [("fixed", False), ("adaptive", True)])
def test_a_fixed_rate_stays(schedule: str, *, changes: bool, tmp_path: Path) -> None:
    """The optimiser that RSL-RL saved holds the learning rate of the last minibatch."""
    learn(
        "rsl_rl",
        num_envs=32,
        horizon=16,
        minibatches=4,
        seed=0,
        until=500,
        max_env_steps=32 * 16 * 3,
        log_dir=str(tmp_path),
        schedule=schedule,
        learning_rate=2e-3,
    )
    [rate] = {
        group["lr"]
        for group in torch.load(tmp_path / "model_2.pt", weights_only=True)["optimizer_state_dict"][
            "param_groups"
        ]
    }
    assert (rate != 2e-3) == changes
