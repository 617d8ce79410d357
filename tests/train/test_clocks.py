"""Our own clocks around a training: in order, complete, and in agreement with what each library printed."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest

from stepscope.errors import BadInputError
from stepscope.logs import reads
from stepscope.train import LIBRARIES
from stepscope.train.clocks import clocked

if TYPE_CHECKING:
    from stepscope.train.clocks import ClockedRun

pytestmark = pytest.mark.live

NUM_ENVS, HORIZON, ITERATIONS = 64, 32, 5
SIZE = NUM_ENVS * HORIZON


@pytest.fixture(scope="module", params=LIBRARIES)
def run(request: pytest.FixtureRequest) -> ClockedRun:
    """Five iterations of each library, in an environment that takes half of a rollout."""
    return clocked(request.param, num_envs=NUM_ENVS, iterations=ITERATIONS, env={"substeps": 40})


def test_every_iteration_has_its_times_in_order(run: ClockedRun) -> None:
    """A rollout begins where the iteration before has ended, and takes longer than the steps in it."""
    assert ITERATIONS == len(run.iterations)
    before = 0.0
    for each in run.iterations:
        assert before <= each.began < each.collected <= each.ended
        assert 0 < each.stepping < each.collected - each.began
        before = each.ended


def test_what_was_printed_agrees(run: ClockedRun) -> None:
    """Each printed rate is the one of its scope by our clocks; 20 % is for a busy machine and for conversions."""
    rows = [record for record in reads(run.text) if record.kind in ("iteration", "progress")]
    last = run.iterations[-1]
    whole = SIZE * ITERATIONS
    if run.library == "skrl":
        assert whole / last.ended == pytest.approx(rows[-1].metrics["it/s"] * NUM_ENVS, rel=0.2)
        return
    if run.library == "sb3":
        assert whole / last.collected == pytest.approx(rows[-1].fps.cumulative, rel=0.2)
        return
    ratios = [
        row.fps.total / (SIZE / (each.ended - each.began))
        for row, each in zip(rows, run.iterations, strict=True)
    ]
    assert 1 == pytest.approx(median(ratios), rel=0.1)
    if run.library == "rl_games":
        rollouts = [
            row.fps.rollout / (SIZE / (each.collected - each.began))
            for row, each in zip(rows, run.iterations, strict=True)
        ]
        steps = [
            row.fps.step / (SIZE / each.stepping) for row, each in zip(rows, run.iterations, strict=True)
        ]
        assert 1 == pytest.approx(median(rollouts), rel=0.1)
        assert 1 == pytest.approx(median(steps), rel=0.2)


def test_episodes_are_those_that_ended(run: ClockedRun) -> None:
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
    with pytest.raises(BadInputError, match="'brax' is not one of rl_games, rsl_rl, skrl, sb3"):
        clocked("brax", num_envs=4, iterations=1)


def test_an_option_that_the_environment_refuses_is_told() -> None:
    """What the environment says against its options reaches the caller."""
    with pytest.raises(BadInputError, match="substeps"):
        clocked("rsl_rl", num_envs=4, iterations=1, env={"substeps": 0})
