"""Times of the parts of a training: in order, complete, and in agreement with what each library printed.

What has to agree is timed by a virtual clock, which the library reads as well: a busy machine changes nothing in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepscope.errors import BadInputError
from stepscope.logs import reads
from stepscope.measure import run_in_subprocess
from stepscope.train import LIBRARIES
from stepscope.train.experiments import timing
from stepscope.train.experiments.timing import time_training
from tests.train.experiments.timing_under_test import STEP

if TYPE_CHECKING:
    from stepscope.train.experiments.timing import TimedRun

pytestmark = pytest.mark.live

NUM_ENVS, HORIZON, ITERATIONS = 64, 32, 5
SIZE = NUM_ENVS * HORIZON
ROUNDED = 0.001


@pytest.fixture(scope="module", params=LIBRARIES)
def run(request: pytest.FixtureRequest) -> TimedRun:
    """Five iterations of each library, in which an environment step takes more than half of a rollout."""
    with pytest.MonkeyPatch.context() as patch:
        virtually = "tests.train.experiments.timing_under_test:train"
        patch.setattr(
            timing, "run_in_subprocess", lambda _, **options: run_in_subprocess(virtually, **options)
        )
        return time_training(request.param, num_envs=NUM_ENVS, iterations=ITERATIONS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_real_clocks_are_in_order(library: str) -> None:
    """A rollout begins where the iteration before has ended, and takes longer than the steps in it."""
    run = time_training(library, num_envs=8, iterations=2, horizon=8)
    assert 2 == len(run.iterations)
    before = 0.0
    for iteration in run.iterations:
        assert before <= iteration.began < iteration.collected <= iteration.ended
        assert 0 < iteration.stepping < iteration.collected - iteration.began
        before = iteration.ended


def test_steps_take_what_they_take(run: TimedRun) -> None:
    """Stepping is the time of the environment alone, and each iteration has all of its parts."""
    expected = pytest.approx(HORIZON * STEP, rel=ROUNDED)
    assert [expected] * ITERATIONS == [iteration.stepping for iteration in run.iterations]
    assert all(one.stepping < one.collected - one.began for one in run.iterations)
    assert all(one.collected < one.ended for one in run.iterations)


def test_what_was_printed_agrees(run: TimedRun) -> None:
    """Each printed rate is the one of its scope by our clocks, but for rounding."""
    rows = [record for record in reads(run.text) if record.kind in ("iteration", "progress")]
    last = run.iterations[-1]
    whole = SIZE * ITERATIONS
    if run.library == "skrl":
        assert whole / last.ended == pytest.approx(rows[-1].metrics["it/s"] * NUM_ENVS, rel=ROUNDED)
        return
    if run.library == "sb3":
        assert whole / last.collected == pytest.approx(rows[-1].fps.cumulative, rel=ROUNDED)
        return
    for row, times in zip(rows, run.iterations, strict=True):
        assert SIZE / (times.ended - times.began) == pytest.approx(row.fps.total, rel=ROUNDED)
        if run.library == "rl_games":
            assert SIZE / (times.collected - times.began) == pytest.approx(row.fps.rollout, rel=ROUNDED)
            assert SIZE / times.stepping == pytest.approx(row.fps.step, rel=ROUNDED)


def test_episodes_are_those_that_ended(run: TimedRun) -> None:
    """Episodes of an environment follow each other; where the mean of the last hundred is printed, it is theirs."""
    assert all(0 <= began < ended <= ITERATIONS * HORIZON for began, ended in run.episodes)
    assert {began for began, _ in run.episodes} <= {0, *(ended for _, ended in run.episodes)}
    assert 0 < sum(began == 0 for began, _ in run.episodes) <= NUM_ENVS
    assert [ended for _, ended in run.episodes] == sorted(ended for _, ended in run.episodes)
    if run.library in ("rsl_rl", "sb3"):
        rows = [record for record in reads(run.text) if record.kind == "iteration"]
        lengths = [ended - began for began, ended in run.episodes][-100:]
        assert sum(lengths) / len(lengths) == pytest.approx(rows[-1].episode_length, rel=0.005)


def test_an_unknown_library_is_refused() -> None:
    """There is a sentence for a name that no library has."""
    with pytest.raises(BadInputError, match="'brax' is not one of rl_games, rsl_rl, sb3, skrl"):
        time_training("brax", num_envs=4, iterations=1)


def test_an_option_that_the_environment_refuses_is_told() -> None:
    """What the environment says against its options reaches the caller."""
    with pytest.raises(BadInputError, match="substeps"):
        time_training("rsl_rl", num_envs=4, iterations=1, env={"substeps": 0})
