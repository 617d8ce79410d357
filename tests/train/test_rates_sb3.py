"""Statements of Stable-Baselines3's page about its numbers, recomputed from times taken around the same calls.

An iteration takes about 1 s of a virtual clock, which passes in `step` and in the update (see `run`). Rates are printed
as whole numbers, and that alone is tolerated.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.logger import HumanOutputFormat

from stepscope.train import sb3

if TYPE_CHECKING:
    from tests.train.conftest import Watch, Watching

pytestmark = pytest.mark.live

ROUNDED, APART = 0.002, 0.15
NUM_ENVS, HORIZON, ITERATIONS = 64, 24, 4
SIZE = NUM_ENVS * HORIZON


@pytest.fixture(scope="module")
def run(watching: Watching) -> Watch:
    """Four slow iterations."""
    with watching(num_envs=NUM_ENVS, virtual=True) as watch:
        watch.around(watch.env, "step", takes=0.018)
        watch.around(PPO, "_setup_learn")
        watch.around(PPO, "dump_logs")
        watch.around(PPO, "train", takes=0.5)
        watch.train(sb3, iterations=ITERATIONS, horizon=HORIZON)
    return watch


@pytest.fixture(scope="module")
def elapsed(run: Watch) -> list[float]:
    """For each table, the seconds since ``learn()`` began."""
    return [call.start - run.calls["_setup_learn"][0].start for call in run.calls["dump_logs"]]


def test_fps_is_cumulative(run: Watch, elapsed: list[float]) -> None:
    """Fps is all environment steps so far over all the time since ``learn()`` began, updates included."""
    for index, (record, seconds) in enumerate(zip(run.records(), elapsed, strict=True)):
        assert (index + 1) * SIZE / seconds == pytest.approx(record.fps.cumulative, rel=ROUNDED)

    updating = sum(call.seconds for call in run.calls["train"][:-1])
    rollouts_alone = ITERATIONS * SIZE / (seconds - updating)
    second_iteration_alone = SIZE / (elapsed[1] - elapsed[0])
    assert rollouts_alone != pytest.approx(record.fps.cumulative, rel=APART)
    assert second_iteration_alone != pytest.approx(run.records()[1].fps.cumulative, rel=APART)


def test_the_first_fps_has_no_update_in_it(run: Watch) -> None:
    """The first table is printed before the first update, so its fps is that of a rollout and far too high."""
    first, second, *_ = run.records()

    assert run.calls["dump_logs"][0].end <= run.calls["train"][0].start
    assert first.fps.cumulative > 1.2 * second.fps.cumulative


def test_time_elapsed_is_a_clock(run: Watch, elapsed: list[float]) -> None:
    """Time elapsed is the whole seconds since ``learn()`` began."""
    for record, seconds in zip(run.records(), elapsed, strict=True):
        assert int(seconds) == record.seconds.elapsed

    assert 2 <= run.records()[-1].seconds.elapsed


def test_iterations_count_from_one_and_steps_count_every_environment(run: Watch) -> None:
    """Iterations counts rollouts from 1; total_timesteps counts the steps of every environment."""
    assert [1, 2, 3, 4] == [record.iteration for record in run.records()]
    assert [SIZE, 2 * SIZE, 3 * SIZE, 4 * SIZE] == [record.env_steps for record in run.records()]


def test_episode_means_are_of_the_last_hundred(run: Watch) -> None:
    """The two means about episodes are of the last 100 finished ones, to three significant digits."""
    record = run.records()[-1]
    lengths = [length for step in run.finished_lengths() for length in step]
    last_rollout = [length for step in run.finished_lengths()[-HORIZON:] for length in step]

    assert f"{sum(lengths[-100:]) / 100:.3g}" == f"{record.episode_length:.3g}" == f"{record.reward:.3g}"
    assert f"{sum(lengths) / len(lengths):.3g}" != f"{record.reward:.3g}"
    assert f"{sum(last_rollout) / len(last_rollout):.3g}" != f"{record.reward:.3g}"


def test_a_table_shows_the_losses_of_the_update_before(watching: Watching) -> None:
    """Table k shows the losses of update k-1; the first has none, and those of the last update are never printed."""
    losses = []
    with watching() as watch:
        update = PPO.train

        def train(model: PPO) -> None:
            update(model)
            losses.append(f"{model.logger.name_to_value['train/value_loss']:.3g}")

        watch.patch.setattr(PPO, "train", train)
        watch.train(sb3, iterations=3, horizon=8)

    printed = [record.metrics.get("train/value_loss") for record in watch.records()]
    assert printed[0] is None
    assert losses[:-1] == [f"{loss:.3g}" for loss in printed[1:]]
    assert 3 == len(losses)


def test_a_second_learn_counts_its_own_steps_only(watching: Watching) -> None:
    """Going on without a reset keeps total_timesteps, but fps starts again with the new ``learn()``."""
    with watching(virtual=True) as watch:
        watch.around(watch.env, "step", takes=0.01)
        watch.around(PPO, "_setup_learn")
        watch.around(PPO, "dump_logs")
        watch.train(sb3, iterations=2, horizon=16)
        model = watch.owners["_setup_learn"]
        watch.listen(model.learn, 16 * 64, reset_num_timesteps=False)

    last = watch.records()[-1]
    seconds = watch.calls["dump_logs"][-1].start - watch.calls["_setup_learn"][-1].start
    assert last.env_steps == 3 * 16 * 64
    assert 16 * 64 / seconds == pytest.approx(last.fps.cumulative, rel=ROUNDED)


def test_without_a_monitor_nothing_is_said_about_episodes(watching: Watching) -> None:
    """The rollout/ section exists only where a Monitor or VecMonitor counts the episodes."""
    with watching() as watch:
        watch.patch.setattr(sb3, "VecMonitor", lambda env: env)
        watch.train(sb3, iterations=3, horizon=16)

    assert any(watch.finished_lengths() or [True])
    assert [None] * 3 == [record.reward for record in watch.records()]
    assert "rollout/" not in watch.text


def test_verbose_zero_prints_nothing(watching: Watching) -> None:
    """With ``verbose=0`` not one line is printed."""
    with watching() as watch:
        watch.around(PPO, "_setup_learn")
        watch.train(sb3, iterations=1, horizon=8)
        before = watch.text
        model = watch.owners["_setup_learn"]
        model.verbose = 0
        watch.listen(model.learn, 8 * 64)

    assert before == watch.text


def test_long_labels_that_become_equal_end_the_training() -> None:
    """Labels are cut to 36 characters, and two that are cut to the same text raise."""
    table = StringIO()
    shared = "train/a_label_that_is_longer_than_anyone_needs"
    HumanOutputFormat(table).write({shared: 1.0}, {shared: None})

    assert "|    a_label_that_is_longer_than_an... | 1        |" in table.getvalue()
    with pytest.raises(ValueError, match="that already exists"):
        HumanOutputFormat(table).write(
            dict.fromkeys((f"{shared}_1", f"{shared}_2"), 1.0), {f"{shared}_1": None, f"{shared}_2": None}
        )


def test_off_policy_tables_count_episodes(watching: Watching) -> None:
    """SAC prints every four episodes: several tables share a step, and only the first after an update has losses."""
    with watching() as watch:
        watch.train(sb3, iterations=2, horizon=32, algorithm="sac")

    tables = watch.records()
    steps = [table.env_steps for table in tables]
    updates = [table.metrics["train/n_updates"] for table in tables if "train/n_updates" in table.metrics]
    assert [4 * (index + 1) for index in range(len(tables))] == [
        table.metrics["time/episodes"] for table in tables
    ]
    assert len(set(steps)) < len(steps)
    assert updates
    assert len(set(updates)) == len(updates)
