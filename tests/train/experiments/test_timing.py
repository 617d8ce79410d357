"""Times of the parts of a training: in order, complete, and in agreement with what each library printed.

What has to agree is timed by a virtual clock, which the library reads as well: a busy machine changes nothing in it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.logs import reads
from stepscope.measure import run_in_subprocess
from stepscope.train import LIBRARIES
from stepscope.train.experiments import timing
from stepscope.train.experiments.timing import time_training, training_splits
from tests.train.experiments.timing_under_test import LEARN, POLICY, STEP

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


def test_splits_add_up_and_leave_the_library_as_it_was() -> None:
    """Three parts and their sum for each training and round, on both clocks, of the environments that were named."""
    sides = {
        ("cart-poles", 8): {"library": "rsl_rl", "num_envs": 8, "horizon": 4},
        "steps": {
            "library": "rl_games",
            "num_envs": 8,
            "horizon": 4,
            "options": {"substeps": 40},
            "minibatches": 2,
        },
    }
    times = training_splits(sides, budget=0.0, least=3)
    assert (3, "cpu") == (len(times.rounds), times.clock)
    assert {(name, part) for name in sides for part in ("stepping", "inference", "learning", "total")} == set(
        times.rounds[0]
    )
    for each in times.rounds:
        for name in sides:
            for clock in ("wall", "cpu"):
                *parts, total = [
                    getattr(each[name, part], clock)
                    for part in ("stepping", "inference", "learning", "total")
                ]
                assert min(parts) > 0
                assert total == pytest.approx(sum(parts))


def test_clocks_are_taken_off_again() -> None:
    """A training that follows is not timed by the clocks of the one before, and steps its environment as before."""
    module = importlib.import_module("stepscope.train.rsl_rl")
    before = {name: vars(module.BOUNDARIES.agent)[name] for name in ("act", "compute_returns", "update")}
    env = CartPole(4)
    step = env.step
    with timing._Clocks().around(env, module.BOUNDARIES, wait=lambda: None):
        assert step != env.step
        assert before["act"] is not module.BOUNDARIES.agent.act
    assert step == env.step
    assert before == {name: vars(module.BOUNDARIES.agent)[name] for name in before}


def test_parts_of_an_iteration_are_those_of_a_virtual_clock() -> None:
    """The second iteration: steps, policy and optimiser take what the clock gives them."""
    virtually = "tests.train.experiments.timing_under_test:split"
    parts = run_in_subprocess(virtually, library="rsl_rl", num_envs=8, horizon=4, minibatches=2)
    assert parts["stepping"] == pytest.approx(4 * STEP)
    assert parts["inference"] == pytest.approx(4 * POLICY)
    assert parts["learning"] == pytest.approx(5 * 2 * LEARN)
    assert parts["total"] == pytest.approx(4 * (STEP + POLICY) + 10 * LEARN)


def test_an_unknown_library_or_factory_is_refused_in_a_split() -> None:
    """Before anything is trained, and with the sentence of whoever refuses."""
    with pytest.raises(BadInputError, match="'brax' is not one of"):
        training_splits({0: {"library": "brax", "num_envs": 4}})
    with pytest.raises(BadInputError, match="no module 'nowhere'"):
        training_splits({0: {"library": "rsl_rl", "num_envs": 4, "env": "nowhere:make"}})
