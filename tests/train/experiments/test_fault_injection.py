"""Trainings with an injected fault, each in a process of its own."""

from __future__ import annotations

import pytest

from stepscope.envs.faults import infinite_reading, missing_reading
from stepscope.errors import BadInputError
from stepscope.train.experiments.fault_injection import run_with_fault


@pytest.mark.live
def test_skrl_does_not_notice() -> None:
    """It trains to the end on NaN weights, and its exit status is 0."""
    run = run_with_fault("skrl", missing_reading(step=20, env=3))
    assert (0, None, "", 1.0) == (run.status, run.vector_steps, run.message, run.nonfinite_share)


@pytest.mark.live
def test_rsl_rl_notices_nan_at_once() -> None:
    """It looks for NaN in what a step returns."""
    run = run_with_fault("rsl_rl", missing_reading(step=20, env=3))
    assert (1, 0) == (run.status, run.vector_steps)
    assert "contains NaN values" in run.message
    assert not run.nonfinite_share


@pytest.mark.live
def test_a_guard_stops_what_would_go_on() -> None:
    """With a recorder skrl ends, and no checkpoint is NaN."""
    run = run_with_fault("skrl", infinite_reading(step=20, env=3, column=2), guard="stepscope.nans:record")
    assert 1 == run.status
    assert run.vector_steps < 8
    assert "infinity in observations pole_angle of environment 3, in step 20" in run.message
    assert not run.nonfinite_share


def test_a_library_that_is_none_gets_one_sentence() -> None:
    """It names those that there are."""
    with pytest.raises(BadInputError, match="'brax' is not one of"):
        run_with_fault("brax", missing_reading(step=1, env=0))
