"""Statements of RSL-RL's page about its numbers, recomputed from times taken around the same calls.

An iteration takes about 1.2 s of a virtual clock, which passes in `step`, `act` and `update` (see `run`), so that the
rollout, the update and their sum differ from each other by a quarter and more, and so do all wrong readings of a number.
What is printed is rounded, and that alone is tolerated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rsl_rl.algorithms import PPO
from rsl_rl.runners import OnPolicyRunner

from stepscope.train import rsl_rl

if TYPE_CHECKING:
    from tests.train.conftest import Watch, Watching

    Spans = list[tuple[float, float, float]]

pytestmark = pytest.mark.live

ROUNDED, APART = 0.002, 0.2
NUM_ENVS, HORIZON, ITERATIONS = 64, 24, 3
SIZE = NUM_ENVS * HORIZON


@pytest.fixture(scope="module")
def run(watching: Watching) -> Watch:
    """Three slow iterations; the checkpoint after the first takes more than a second."""
    with watching(num_envs=NUM_ENVS, virtual=True) as watch:
        watch.around(watch.env, "step", takes=0.020)
        watch.around(PPO, "act", takes=0.012)
        watch.around(PPO, "compute_returns", takes=0.25)
        watch.around(PPO, "update", takes=0.2)
        watch.around(OnPolicyRunner, "save", takes=lambda count: 1.3 if count == 0 else 0.0)
        watch.train(rsl_rl, iterations=ITERATIONS, horizon=HORIZON)
    return watch


@pytest.fixture(scope="module")
def spans(run: Watch) -> Spans:
    """For each iteration: when its first action was asked for, when the rollout was over, and when the update was."""
    acts, returns, updates = (run.calls[name] for name in ("act", "compute_returns", "update"))
    return [
        (acts[index * HORIZON].start, returns[index].start, updates[index].end) for index in range(ITERATIONS)
    ]


def test_collection_time_is_the_whole_rollout(run: Watch, spans: Spans) -> None:
    """Collection time runs from the first action to the end of the rollout: inference and bookkeeping included."""
    for record, (start, middle, _) in zip(run.records(), spans, strict=True):
        stepping = sum(call.seconds for call in run.between("step", start, middle))

        assert middle - start == pytest.approx(record.seconds.collect, rel=ROUNDED)
        assert stepping != pytest.approx(record.seconds.collect, rel=APART)


def test_learning_time_includes_computing_the_returns(run: Watch, spans: Spans) -> None:
    """Learning time runs from the end of the rollout to the end of the update, the returns included."""
    for index, (record, (_, middle, end)) in enumerate(zip(run.records(), spans, strict=True)):
        update_alone = run.calls["update"][index].seconds

        assert end - middle == pytest.approx(record.seconds.learn, rel=ROUNDED)
        assert update_alone != pytest.approx(record.seconds.learn, rel=APART)


def test_steps_per_second_is_a_total_rate(run: Watch, spans: Spans) -> None:
    """Steps per second is the rollout's environment steps over the time of rollout and update."""
    for record, (start, middle, end) in zip(run.records(), spans, strict=True):
        assert SIZE / (end - start) == pytest.approx(record.fps.total, rel=ROUNDED)
        assert SIZE / (middle - start) != pytest.approx(record.fps.total, rel=APART)


def test_iteration_time_is_rollout_and_update(run: Watch, spans: Spans) -> None:
    """Iteration time is the time of rollout and update; saving a checkpoint is not in it."""
    records = run.records()
    for record, (start, _, end) in zip(records, spans, strict=True):
        assert end - start == pytest.approx(record.seconds.iteration, rel=ROUNDED)

    with_saving = spans[1][0] - spans[0][0]
    assert with_saving != pytest.approx(records[0].seconds.iteration, rel=APART)


def test_time_elapsed_leaves_out_what_is_between_iterations(run: Watch, spans: Spans) -> None:
    """Time elapsed adds up the iteration times in whole seconds: it is no clock, and saving does not count."""
    worked = 0.0
    for record, (start, _, end) in zip(run.records(), spans, strict=True):
        worked += end - start
        low, high = int(worked * (1 - ROUNDED)), int(worked * (1 + ROUNDED))
        assert low <= record.seconds.elapsed <= high

    assert int(spans[-1][2] - spans[0][0]) > high


def test_eta_is_mean_iteration_time_times_what_is_left(run: Watch, spans: Spans) -> None:
    """ETA is the mean iteration time so far times the iterations left, in whole seconds, and ends at 0."""
    worked = 0.0
    for done, (record, (start, _, end)) in enumerate(zip(run.records(), spans, strict=True), start=1):
        worked += end - start
        expected = worked / done * (ITERATIONS - done)
        assert int(expected * (1 - ROUNDED)) <= record.seconds.eta <= int(expected * (1 + ROUNDED))

    one_too_many = worked / ITERATIONS
    assert int(one_too_many * (1 - ROUNDED)) > record.seconds.eta


def test_iterations_count_from_zero_and_steps_count_every_environment(run: Watch) -> None:
    """The headline counts from 0 and never reaches its total; Total steps counts this iteration's steps, too."""
    records = run.records()

    assert [0, 1, 2] == [record.iteration for record in records]
    assert [ITERATIONS] * 3 == [record.iterations for record in records]
    assert [SIZE, 2 * SIZE, 3 * SIZE] == [record.env_steps for record in records]


def test_mean_reward_is_of_the_last_hundred_episodes(run: Watch) -> None:
    """Mean reward and episode length are of the last 100 finished episodes, whichever iteration they ended in."""
    record = run.records()[-1]
    lengths = [length for step in run.finished_lengths() for length in step]
    this_iteration = [length for step in run.finished_lengths()[-HORIZON:] for length in step]

    assert len(lengths) > 100
    assert sum(lengths[-100:]) / 100 == pytest.approx(record.episode_length, abs=0.005)
    assert sum(lengths[-100:]) / 100 == pytest.approx(record.reward, abs=0.005)
    assert sum(lengths) / len(lengths) != pytest.approx(record.reward, abs=0.1)
    assert sum(this_iteration) / len(this_iteration) != pytest.approx(record.reward, abs=0.1)


def test_reward_is_absent_until_an_episode_ends(watching: Watching) -> None:
    """The two lines about episodes are missing, not zero, as long as no episode has ended."""
    with watching(num_envs=4) as watch:
        watch.train(rsl_rl, iterations=2, horizon=4)

    assert [] == [length for step in watch.finished_lengths() for length in step]
    assert [(None, None)] * 2 == [(record.reward, record.episode_length) for record in watch.records()]
    assert "Mean reward" not in watch.text


def test_nothing_is_printed_without_a_folder_for_logs(watching: Watching) -> None:
    """With ``log_dir=None`` RSL-RL trains and prints no iteration at all."""
    with watching(num_envs=4) as watch:
        watch.around(PPO, "update")
        watch.train(rsl_rl, iterations=2, horizon=4, log_dir=None)

    assert 2 == len(watch.calls["update"])
    assert [] == watch.records()
    assert "Learning iteration" not in watch.text
