"""Trainings until a reward: what is read of them, against what the libraries write into their event files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.train import LIBRARIES
from stepscope.train.experiments.learning import Curve, learn, median_of, ratio_of_medians

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

NUM_ENVS, HORIZON, ITERATIONS = 32, 16, 6
SIZE = {"num_envs": NUM_ENVS, "horizon": HORIZON, "minibatches": 4}
BUDGET = NUM_ENVS * HORIZON * ITERATIONS
TAGS = {
    "rl_games": "rewards/iter",
    "rsl_rl": "Train/mean_reward",
    "skrl": "Reward / Total reward (mean)",
    "sb3": "rollout/ep_rew_mean",
}


class Counted(CartPole):
    """A cart-pole that counts its vector steps."""

    count = 0

    def step(self, actions: Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Count, and step; in inference mode the environment calls itself once more."""
        self.count += not torch.is_inference_mode_enabled()
        return super().step(actions)


@pytest.mark.live
@pytest.mark.parametrize("library", LIBRARIES)
def test_rewards_are_those_of_the_event_file(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each iteration; RL-Games prints those only that are the best so far."""
    if library == "rl_games":  # it never flushes its file
        writer = pytest.importorskip("tensorboardX").SummaryWriter
        add_scalar = writer.add_scalar
        monkeypatch.setattr(
            writer, "add_scalar", lambda own, *numbers: (add_scalar(own, *numbers), own.flush())
        )
    env = Counted(NUM_ENVS, seed=0)
    curve = learn(
        library, **SIZE, seed=1, until=math.inf, max_env_steps=BUDGET + 100, env=env, log_dir=str(tmp_path)
    )
    assert ITERATIONS == len(curve.rewards)
    assert [NUM_ENVS * HORIZON * count for count in range(1, ITERATIONS + 1)] == list(curve.env_steps)
    assert env.count == curve.env_steps[-1] / NUM_ENVS

    written = rewards_from_tensorboard(tmp_path, TAGS[library])
    if library == "rl_games":
        written = {
            place: reward
            for place, reward in written.items()
            if reward > max((written[before] for before in written if before < place), default=-math.inf)
        }
    printed = {place: reward for place, reward in enumerate(curve.rewards, start=1) if not math.isnan(reward)}
    assert written.keys() == printed.keys()
    assert [written[place] for place in printed] == pytest.approx(list(printed.values()), rel=0.01)
    assert len(printed) >= 3


def rewards_from_tensorboard(folder: Path, tag: str) -> dict[int, float]:
    """Return the mean rewards by the number of the iteration, counted from 1, each by the axis of its library."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    files = list(folder.rglob("events.out.tfevents.*"))
    [scalars] = [
        accumulator
        for accumulator in map(EventAccumulator, map(str, files))
        if tag in accumulator.Reload().Tags()["scalars"]
    ]
    iteration = {
        "rl_games": lambda step: step,
        "rsl_rl": lambda step: step + 1,
        "skrl": lambda step: round(step / HORIZON),
        "sb3": lambda step: step // (NUM_ENVS * HORIZON),
    }[next(library for library, name in TAGS.items() if name == tag)]
    return {iteration(point.step): point.value for point in scalars.Scalars(tag)}


@pytest.mark.live
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_training_stops_at_its_reward(library: str) -> None:
    """Up to there it is the training that goes on; the clocks never go back."""
    whole = learn(library, **SIZE, seed=1, until=0.0, max_env_steps=BUDGET, stop=False)
    until = max(reward for reward in whole.rewards[:-1] if not math.isnan(reward))
    stopped = learn(library, **SIZE, seed=1, until=until, max_env_steps=BUDGET)
    reached = whole.iterations_to(until)
    assert reached is not None
    assert reached < ITERATIONS
    assert list(whole.rewards[:reached]) == pytest.approx(list(stopped.rewards), nan_ok=True)
    assert stopped.env_steps[-1] == stopped.env_steps_to(until) == whole.env_steps_to(until)
    for seconds in (stopped.cpu_seconds, stopped.wall_seconds):
        assert 0 < seconds[0]
        assert sorted(seconds) == list(seconds)
    assert stopped.cpu_seconds_to(until) == stopped.cpu_seconds[-1]
    assert stopped.wall_seconds_to(until) == stopped.wall_seconds[-1]


def test_a_reward_that_is_never_reached_is_none() -> None:
    """NaN, where nothing was printed, reaches nothing."""
    curve = Curve(
        library="rsl_rl",
        num_envs=2,
        horizon=4,
        minibatches=1,
        seed=0,
        max_env_steps=24,
        env_steps=(8, 16, 24),
        cpu_seconds=(1.0, 2.0, 3.0),
        wall_seconds=(1.5, 2.5, 3.5),
        rewards=(math.nan, 10.0, 9.0),
    )
    assert (2, 16, 2.0, 2.5) == (
        curve.iterations_to(10.0),
        curve.env_steps_to(10.0),
        curve.cpu_seconds_to(10.0),
        curve.wall_seconds_to(10.0),
    )
    assert curve.iterations_to(11.0) is curve.env_steps_to(11.0) is None
    assert curve.cpu_seconds_to(11.0) is curve.wall_seconds_to(11.0) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"library": "brax"}, "'brax' is not one of"),
        (
            {"max_env_steps": 10},
            "10 environment steps is less than one iteration of 32 environments x 16 steps",
        ),
        ({"env": CartPole(3)}, "the environment has 3 environments, and num_envs is 32"),
        ({"minibatches": 7}, "cannot be cut into 7 equal minibatches"),
    ],
)
def test_bad_input_gets_one_sentence(changes: dict[str, Any], message: str) -> None:
    """Before anything trains."""
    pytest.importorskip("rsl_rl")
    settings = {"library": "rsl_rl", **SIZE, "seed": 0, "until": 1.0, "max_env_steps": BUDGET, **changes}
    with pytest.raises(BadInputError, match=message):
        learn(**settings)


def test_seeds_that_never_got_there_count_as_later_than_all_others() -> None:
    """Whatever later is: the median and the lower end are those with any large number in their place."""
    pytest.importorskip("scipy")
    values = [5.0, 3.0, 8.0, 4.0, 6.0, 7.0, 2.0]
    censored = median_of([*values, None])
    assert (5.5, 2.0, math.inf) == (censored.value, censored.low, censored.high)
    assert math.inf == median_of([1.0, 2.0, None, None, None]).value
    assert median_of(values).value == 5.0
    assert 2.0 <= median_of(values).low < 5.0 < median_of(values).high <= 8.0
    assert (4.0, 4.0, 4.0) == (
        median_of([4.0] * 6).value,
        median_of([4.0] * 6).low,
        median_of([4.0] * 6).high,
    )
    with pytest.raises(BadInputError, match="one value at least"):
        median_of([])


def test_an_interval_of_a_ratio_covers_it() -> None:
    """In most of 100 experiments with 12 seeds each, whose medians have a ratio of 2."""
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for seed in range(100):
        one, other = torch.randn(2, 12, generator=generator).exp().tolist()
        ratio = ratio_of_medians([2 * value for value in one], other, seed=seed)
        covered += ratio.low <= 2 <= ratio.high
    assert 88 <= covered  # 95 are expected, and 88 or fewer are seen once in 400


def test_a_ratio_with_censored_seeds_is_as_wide_as_it_must_be() -> None:
    """Infinite where the numerator may never get there, and unknown where neither does."""
    pytest.importorskip("scipy")
    some = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    half = [2.0, 4.0, 6.0, 8.0, None, None, None, None]
    assert math.inf == ratio_of_medians(half, some).high
    assert 0.0 == ratio_of_medians(some, half).low
    neither = ratio_of_medians([None] * 8, [None] * 8)
    assert math.isnan(neither.value)
    assert (0.0, math.inf) == (neither.low, neither.high)
