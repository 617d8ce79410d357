"""Statements of skrl's page about its bar, recomputed from the times at which it was written and from the steps taken.

The environment is slow at first and then quick (see `run`), so that the mean over everything and the fading mean
differ by a quarter and more. Time passes on a virtual clock; rates are rounded to two decimals, and that alone is
tolerated.
"""

from __future__ import annotations

import atexit
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from skrl.agents.torch.ppo import PPO
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tqdm import tqdm

from stepscope.train import skrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.logs import Record
    from tests.train.conftest import Watch, Watching

pytestmark = pytest.mark.live

ROUNDED, APART = 0.002, 0.2
SMOOTHING = 0.3  # the default of tqdm, which draws the bar
NUM_ENVS, HORIZON, ITERATIONS = 64, 16, 4
STEPS = HORIZON * ITERATIONS


@pytest.fixture(scope="module")
def at_exit() -> Iterator[list[Callable[[], None]]]:
    """Hold back what skrl would do at the end of the process, when pytest's standard error is closed."""
    with pytest.MonkeyPatch.context() as patch:
        held: list[Callable[[], None]] = []
        patch.setattr(atexit, "register", held.append)
        # A thread of tqdm draws bars anew that have not moved for ten real seconds, without a step between.
        if tqdm.monitor is not None:
            tqdm.monitor.exit()
        patch.setattr(tqdm, "monitor", None)
        patch.setattr(tqdm, "monitor_interval", 0)
        yield held


@pytest.fixture(scope="module")
def run(watching: Watching, at_exit: list[Callable[[], None]]) -> Watch:  # noqa: ARG001 - only set up
    """Four rollouts, the second half of them quicker, with slow updates."""
    with watching(num_envs=NUM_ENVS, virtual=True) as watch:
        watch.around(watch.env, "step", takes=lambda count: 0.08 if count < STEPS / 2 else 0.012)
        watch.around(PPO, "act", takes=0.004)
        watch.around(PPO, "update", takes=0.2)
        watch.train(skrl, iterations=ITERATIONS, horizon=HORIZON)
    return watch


@pytest.fixture(scope="module")
def bars(run: Watch) -> list[tuple[float, Record]]:
    """Each drawing of the bar, with the time of it."""
    times = [when for when, text in run.console.written if "it/s" in text or "s/it" in text]
    return list(zip(times, run.records("progress"), strict=True))


def test_the_bar_counts_vector_steps(run: Watch, bars: list[tuple[float, Record]]) -> None:
    """The bar counts calls of ``step()``, with the update that follows one counted in; environments don't matter."""
    for when, bar in bars:
        assert sum(call.end <= when for call in run.calls["step"]) == bar.iteration
        assert bar.iterations == STEPS
        assert bar.env_steps is None
        assert bar.fps.total is None


def test_elapsed_is_a_clock(bars: list[tuple[float, Record]]) -> None:
    """The first time in the brackets is the whole seconds since the bar was first drawn."""
    began = bars[0][0]
    for when, bar in bars:
        assert int(when - began + 1e-6) == bar.seconds.elapsed

    assert bars[-1][1].seconds.elapsed >= 1


def test_rate_is_a_fading_mean(run: Watch, bars: list[tuple[float, Record]]) -> None:
    """The rate weights the latest stretch by 0.3, in steps and in seconds apart, and has the updates in it."""
    steps = seconds = weight = 0.0
    for (before, bar_before), (when, bar) in pairwise(bars[:-1]):
        steps = (1 - SMOOTHING) * steps + SMOOTHING * (bar.iteration - bar_before.iteration)
        seconds = (1 - SMOOTHING) * seconds + SMOOTHING * (when - before)
        weight = (1 - SMOOTHING) * weight + SMOOTHING
        rate = (steps / weight) / (seconds / weight)
        assert rate == pytest.approx(bar.metrics["it/s"], rel=ROUNDED)

    when, fastest = max(bars[1:-1], key=lambda drawn: drawn[1].metrics["it/s"])
    overall = fastest.iteration / (when - bars[0][0])
    assert overall != pytest.approx(fastest.metrics["it/s"], rel=APART)
    assert len(run.calls["update"]) == ITERATIONS


def test_remaining_is_what_is_left_at_that_rate(bars: list[tuple[float, Record]]) -> None:
    """The second time in the brackets is the steps left over the rate beside it, in whole seconds."""
    for _, bar in bars[1:-1]:
        left = (bar.iterations - bar.iteration) / bar.metrics["it/s"]
        assert int(left - 0.01) <= bar.seconds.eta <= int(left + 0.01)


def test_the_last_rate_is_of_the_whole_training(run: Watch, bars: list[tuple[float, Record]]) -> None:
    """The last drawing alone shows the mean over everything, updates included."""
    when, last = bars[-1]
    assert last.iteration == STEPS
    assert STEPS / (when - bars[0][0]) == pytest.approx(last.metrics["it/s"], rel=ROUNDED)

    stepping = sum(call.seconds for call in run.calls["step"])
    assert STEPS / stepping != pytest.approx(last.metrics["it/s"], rel=APART)


def test_nothing_else_is_printed(run: Watch, at_exit: list[Callable[[], None]]) -> None:
    """Standard output holds the bar and nothing else; two lines on standard error follow when the process ends."""
    assert "" == re.sub(r"\r *\d+%\|[^\r\n]*\]", "", run.text).strip()
    assert at_exit


def test_a_slow_run_turns_the_rate_round(watching: Watching, at_exit: list[Callable[[], None]]) -> None:  # noqa: ARG001
    """Below one vector step a second the bar shows seconds for each step."""
    with watching(virtual=True) as watch:
        watch.around(watch.env, "step", takes=1.1)
        watch.train(skrl, iterations=1, horizon=2, minibatches=1)

    last = watch.records("progress")[-1]
    times = [when for when, text in watch.console.written if "/2 [" in text]
    assert "s/it" in watch.text
    assert (times[-1] - times[0]) / 2 == pytest.approx(last.metrics["s/it"], rel=ROUNDED)


def test_tensorboard_has_what_the_console_lacks(run: Watch) -> None:
    """Time of inference, of stepping and of the update are in TensorBoard, in milliseconds, as means."""
    [events] = run.folder.rglob("events.out.tfevents.*")
    scalars = EventAccumulator(str(events))
    scalars.Reload()
    steps = [call.seconds * 1000 for call in run.calls["step"]]

    written = scalars.Scalars("Stats / Env stepping time (ms)")
    assert [HORIZON * (index + 1) for index in range(ITERATIONS)] == [point.step for point in written]
    for index, point in enumerate(written):
        mean = sum(steps[index * HORIZON : (index + 1) * HORIZON]) / HORIZON
        assert mean == pytest.approx(point.value, rel=ROUNDED)
    for tag, name in (("Inference", "act"), ("Algorithm update", "update")):
        calls = run.calls[name]
        mean = sum(call.seconds for call in calls) / len(calls) * 1000
        points = scalars.Scalars(f"Stats / {tag} time (ms)")
        assert mean == pytest.approx(sum(point.value for point in points) / len(points), rel=ROUNDED)


def test_tensorboards_reward_is_a_mean_of_means(run: Watch) -> None:
    """Reward and length there are of the episodes since the last writing, averaged anew at every step until then."""
    [events] = run.folder.rglob("events.out.tfevents.*")
    scalars = EventAccumulator(str(events))
    scalars.Reload()
    finished = run.finished_lengths()

    for tag in ("Episode / Total timesteps (mean)", "Reward / Total reward (mean)"):
        for point in scalars.Scalars(tag):
            since: list[int] = []
            means = []
            for ended in finished[point.step - HORIZON : point.step]:
                since = [*since, *ended][-100:]
                if since:
                    means.append(sum(since) / len(since))
            assert sum(means) / len(means) == pytest.approx(point.value, rel=1e-4)


def test_a_diverged_run_looks_like_any_other(watching: Watching, at_exit: list[Callable[[], None]]) -> None:  # noqa: ARG001
    """With nothing but NaN in the policy the bar still reaches its end, and nothing is said."""
    with watching() as watch:
        watch.around(PPO, "update")
        watch.train(skrl, iterations=2, horizon=8, learning_rate=1e30)

    weights = watch.owners["update"].models["policy"].parameters()
    last = watch.records("progress")[-1]
    assert all(weight.isnan().all() for weight in weights)
    assert last.iteration == last.iterations
    assert watch.records("failure") == []
