"""Statements of RL-Games' page about its numbers, recomputed from times taken around the same calls.

An epoch takes about 1 s of a virtual clock, which passes in `step`, in the policy and in the update (see `run`), so that
the three rates differ from each other by a quarter and more. They are printed as whole numbers, and that alone is
tolerated.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

with warnings.catch_warnings():
    # RL-Games decorates a network with torch.compile on import, and torch's compiler uses what torch deprecates.
    warnings.filterwarnings("ignore", "`torch.jit.script_method` is deprecated", DeprecationWarning)
    from rl_games.algos_torch.a2c_continuous import A2CAgent

    from stepscope.train import rl_games

if TYPE_CHECKING:
    from tests.train.conftest import Watch, Watching

# RL-Games compiles its running mean and standard deviation in the way that torch deprecates.
pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings(r"ignore:`torch\.jit\.\w+` is deprecated:DeprecationWarning"),
]

ROUNDED, APART = 0.002, 0.2
NUM_ENVS, HORIZON, EPOCHS = 64, 24, 3
SIZE = NUM_ENVS * HORIZON
MINIBATCHES_PER_EPOCH = 20  # 5 mini-epochs of 4 minibatches


@pytest.fixture(scope="module")
def run(watching: Watching) -> Watch:
    """Three slow epochs; saving the best policy of the first takes long."""
    with watching(num_envs=NUM_ENVS, virtual=True) as watch:
        watch.around(watch.env, "step", takes=0.014)
        watch.around(A2CAgent, "get_action_values", takes=0.012)
        watch.around(A2CAgent, "play_steps")
        watch.around(A2CAgent, "train_actor_critic", takes=0.015)
        watch.around(A2CAgent, "save", takes=lambda count: 0.5 if count == 0 else 0.0)
        watch.train(rl_games, iterations=EPOCHS, horizon=HORIZON)
    return watch


@pytest.fixture(scope="module")
def spans(run: Watch) -> list[tuple[float, float, float]]:
    """For each epoch: when its first action was asked for, when the rollout was over, and when the update was."""
    asked, played = run.calls["get_action_values"], run.calls["play_steps"]
    updated = run.calls["train_actor_critic"]
    return [
        (
            asked[index * HORIZON].start,
            played[index].end,
            updated[(index + 1) * MINIBATCHES_PER_EPOCH - 1].end,
        )
        for index in range(EPOCHS)
    ]


def test_fps_step_is_of_the_environment_alone(run: Watch, spans: list[tuple[float, float, float]]) -> None:
    """Fps step divides by the time inside of the environment's step and by nothing else."""
    for record, (start, middle, _) in zip(run.records(), spans, strict=True):
        stepping = sum(call.seconds for call in run.between("step", start, middle))

        assert SIZE / stepping == pytest.approx(record.fps.step, rel=ROUNDED)
        assert SIZE / (middle - start) != pytest.approx(record.fps.step, rel=APART)


def test_fps_step_and_policy_inference_is_of_the_rollout(
    run: Watch, spans: list[tuple[float, float, float]]
) -> None:
    """Fps step and policy inference divides by the whole rollout, bookkeeping and returns included."""
    for record, (start, middle, end) in zip(run.records(), spans, strict=True):
        assert SIZE / (middle - start) == pytest.approx(record.fps.rollout, rel=ROUNDED)
        assert SIZE / (end - start) != pytest.approx(record.fps.rollout, rel=APART)


def test_fps_total_is_of_rollout_and_update(run: Watch, spans: list[tuple[float, float, float]]) -> None:
    """Fps total divides by rollout and update; saving a policy is not in it."""
    records = run.records()
    for record, (start, _, end) in zip(records, spans, strict=True):
        assert SIZE / (end - start) == pytest.approx(record.fps.total, rel=ROUNDED)

    with_saving = spans[1][0] - spans[0][0]
    assert SIZE / with_saving != pytest.approx(records[0].fps.total, rel=APART)


def test_frames_are_those_before_the_epoch(run: Watch) -> None:
    """Frames lags: the first line says 0, and the last is one rollout short of what was trained on."""
    records = run.records()

    assert [1, 2, 3] == [record.iteration for record in records]
    assert [EPOCHS] * 3 == [record.iterations for record in records]
    assert [0, SIZE, 2 * SIZE] == [record.env_steps for record in records]
    assert len(run.calls["step"]) * NUM_ENVS == records[-1].env_steps + SIZE


def test_best_reward_is_a_fading_mean(run: Watch) -> None:
    """The reward printed weights what ended in a step by its share of 100 games: it is no window of 100 games."""
    mean, weight = 0.0, 0
    for ended in run.finished_lengths():
        if ended:
            old = min(100 - len(ended), weight)
            mean = (mean * old + sum(ended)) / (old + len(ended))
            weight = old + len(ended)
    last_hundred = [length for ended in run.finished_lengths() for length in ended][-100:]

    printed = run.records("best_reward")[-1].reward
    assert len(last_hundred) == 100
    assert mean == pytest.approx(printed, rel=1e-4)
    assert sum(last_hundred) / 100 != pytest.approx(printed, rel=1e-3)


def test_the_best_policy_is_saved_when_its_reward_is_printed(run: Watch) -> None:
    """Each best reward is higher than the one before and is followed by the line about the file it went to."""
    kinds = [record for kind in ("best_reward", "checkpoint") for record in run.records(kind)]
    best = [record for record in kinds if record.kind == "best_reward"]
    saved = {record.span[0]: record for record in kinds if record.kind == "checkpoint"}

    assert sorted(record.reward for record in best) == [record.reward for record in best]
    assert all("nn/cartpole.pth" in saved[record.span[1]].text for record in best)


def test_no_game_ended_is_said_at_the_end(watching: Watching) -> None:
    """Without a finished episode no reward is printed, and the last policy's name says ``-inf``."""
    with watching(num_envs=4) as watch:
        watch.train(rl_games, iterations=2, horizon=4)

    assert [] == watch.records("best_reward")
    assert "WARNING: Max epochs reached before any env terminated at least once" in watch.text
    assert "last_cartpole_ep_2_rew_-inf.pth" in watch.text
