"""Trainings in several processes, observed from inside: steps, collective operations and normalisers."""

from __future__ import annotations

import pytest

from stepscope.measure import MeasurementFailedError
from stepscope.train.experiments.ranks import (
    AllReduce,
    DistributedTraining,
    RankRun,
    ReduceTimes,
    run_on_ranks,
)

pytestmark = pytest.mark.live

NUM_ENVS, HORIZON, ITERATIONS, MINIBATCHES, EPOCHS = 16, 8, 3, 2, 5
SIZES = {"num_envs": NUM_ENVS, "horizon": HORIZON, "iterations": ITERATIONS, "minibatches": MINIBATCHES}
JOBS = {
    "alone": DistributedTraining(library="rsl_rl", ranks=1, **SIZES),
    "rsl_rl": DistributedTraining(library="rsl_rl", ranks=2, options={"normalise": True}, **SIZES),
    "rl_games": DistributedTraining(library="rl_games", ranks=2, **SIZES),
    "skrl": DistributedTraining(library="skrl", ranks=2, **SIZES),
    "skrl alone": DistributedTraining(library="skrl", ranks=1, **SIZES),
    "reduce": AllReduce(numbers=(8, 1024), repeats=3),
}


@pytest.fixture(scope="module")
def runs() -> dict[str, list[RankRun | ReduceTimes]]:
    """Return what two processes saw of all jobs."""
    return dict(zip(JOBS, run_on_ranks(list(JOBS.values())), strict=True))


def test_the_right_processes_took_part(runs: dict[str, list[RankRun]]) -> None:
    """One that trains alone has no company, and makes no collective operation."""
    assert [run.rank for run in runs["alone"]] == [0]
    assert not runs["alone"][0].collectives
    assert not runs["skrl alone"][0].collectives
    assert all(
        [run.rank for run in runs[name]] == [0, 1] for name in ("rsl_rl", "rl_games", "skrl", "reduce")
    )


def test_every_step_is_counted(runs: dict[str, list[RankRun]]) -> None:
    """Each process steps its own environments."""
    for library in ("rsl_rl", "rl_games", "skrl"):
        assert [run.env_steps for run in runs[library]] == 2 * [NUM_ENVS * HORIZON * ITERATIONS]
        assert [len(run.wall) for run in runs[library]] == 2 * [ITERATIONS - 1]


def test_collective_operations_are_counted(runs: dict[str, list[RankRun]]) -> None:
    """RSL-RL: gradients, KL divergence and rate of each minibatch; three sums for each of two normalisers."""
    updates = EPOCHS * MINIBATCHES
    first = runs["rsl_rl"][0]
    assert first.collectives == {"all_reduce": 2 * updates + 2 * 3, "broadcast": updates}
    assert first.reduced > first.parameters * updates
    assert runs["skrl"][0].collectives == {"all_reduce": 2 * 8 * MINIBATCHES}  # policy and value, 8 epochs


def test_the_networks_are_the_same(runs: dict[str, list[RankRun]]) -> None:
    """They are averaged in every update; a training of another seed ends elsewhere."""
    for library in ("rsl_rl", "rl_games", "skrl"):
        first, second = runs[library]
        assert first.digest == second.digest
    assert runs["skrl alone"][0].digest != runs["skrl"][0].digest


def test_normalisers_are_read(runs: dict[str, list[RankRun]]) -> None:
    """RSL-RL's has seen what both have stepped; skrl's begins at 1 and has seen its own."""
    samples = NUM_ENVS * HORIZON * ITERATIONS
    assert [run.normaliser[-1]["count"] for run in runs["rsl_rl"]] == 2 * [2 * samples]
    assert runs["rsl_rl"][0].normaliser == runs["rsl_rl"][1].normaliser
    assert [run.normaliser[-1]["count"] for run in runs["skrl"]] == 2 * [1 + samples]
    for library in ("rl_games", "skrl"):
        first, second = runs[library]
        assert first.normaliser[-1]["mean"] != second.normaliser[-1]["mean"]
        assert len(first.normaliser[-1]["mean"]) == 4
    assert runs["alone"][0].normaliser == ()


def test_all_reduces_are_timed(runs: dict[str, list[ReduceTimes]]) -> None:
    """Each size as often as it was to be."""
    for times in runs["reduce"]:
        assert {size: len(seconds) for size, seconds in times.seconds.items()} == {8: 3, 1024: 3}
        assert all(second > 0 for seconds in times.seconds.values() for second in seconds)


def test_a_failed_process_is_told() -> None:
    """The error ends with what the process said, and not with torchrun's report."""
    with pytest.raises(MeasurementFailedError, match="cannot be cut into 5 equal minibatches"):
        run_on_ranks([DistributedTraining(library="rsl_rl", ranks=2, num_envs=4, minibatches=5)])
