"""The time left, compared with runs whose times are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.watch.eta import EtaEstimator


def of_arrivals(times: list[float]) -> EtaEstimator:
    """Return the pace of iterations that arrived at these times."""
    estimator = EtaEstimator()
    for count, time in enumerate(times, 1):
        estimator.add(count, arrived=time, seconds=None, elapsed=None)
    return estimator


def test_nothing_is_known_before_the_second_iteration() -> None:
    """The first iteration is slow, so it says nothing about the others."""
    estimator = EtaEstimator()
    assert estimator.pace() is None
    estimator.add(1, arrived=60.0, seconds=60.0, elapsed=60.0)
    assert estimator.pace() is None
    assert estimator.eta(10, now=61.0) is None


@given(st.floats(0.6, 1e4), st.integers(2, 200))
def test_a_steady_run_ends_when_it_is_said_to_end(each: float, done: int) -> None:
    """With the same time for each iteration, the time left is exact from the second one on."""
    times = [100.0 + each * count for count in range(done)]
    left = of_arrivals(times).eta(50, now=times[-1])
    assert 50 * each == pytest.approx(left)


def test_the_time_left_shrinks_while_an_iteration_runs() -> None:
    """It counts down between two lines, by one iteration at most: a run that hangs does not get nearer to its end."""
    estimator = of_arrivals([0.0, 10.0, 20.0])
    assert 50.0 == estimator.eta(5, now=20.0)
    assert 46.0 == estimator.eta(5, now=24.0)
    assert 40.0 == estimator.eta(5, now=500.0)
    assert 0.0 == estimator.eta(0, now=24.0)


def test_recent_iterations_count_and_not_the_first_ones() -> None:
    """A run that became four times as fast is expected to stay so."""
    slow = [4.0 * count for count in range(100)]
    fast = [slow[-1] + count for count in range(1, 100)]
    assert 1.0 == of_arrivals(slow + fast).pace()


def test_one_long_pause_is_not_expected_again() -> None:
    """After a night in which the machine slept, the rest does not take nights."""
    before = [float(count) for count in range(30)]
    after = [30_000.0 + count for count in range(30)]
    seconds = of_arrivals(before + after).pace()
    assert seconds is not None
    assert 1.0 <= seconds < 2.5


def test_a_pause_that_comes_regularly_is_expected_again() -> None:
    """Every tenth iteration takes five seconds more, because the policy is evaluated."""
    times = [0.0]
    for count in range(1, 61):
        times.append(times[-1] + (6.0 if count % 10 == 0 else 1.0))
    assert 1.5 == pytest.approx(of_arrivals(times).pace(), rel=0.01)


def test_lines_that_come_in_bursts_have_the_same_pace() -> None:
    """A buffer lets twenty iterations of two seconds through at once."""
    times = [40.0 * (count // 20) for count in range(200)]
    assert 2.0 == pytest.approx(of_arrivals(times).pace(), rel=0.05)


def test_a_bar_that_stalls_at_every_update_has_its_mean_pace() -> None:
    """Skrl draws its bar ten times a second and stands still while the policy is updated."""
    times, now = [], 0.0
    for vector_step in range(1, 3201):
        now += 2.0 if vector_step % 32 == 0 else 0.1
        times.append(now)
    mean = (31 * 0.1 + 2.0) / 32
    assert mean == pytest.approx(of_arrivals(times).pace(), rel=0.1)


def test_what_an_old_log_printed_counts_until_new_lines_come() -> None:
    """Lines that were there already all arrive at once; their own seconds tell how long they took."""
    estimator = EtaEstimator()
    for count in range(1, 21):
        estimator.add(count, arrived=None, seconds=3.0, elapsed=None)
    assert 3.0 == estimator.pace()
    for count in range(21, 26):
        estimator.add(count, arrived=100.0 + 5.0 * count, seconds=3.0, elapsed=None)
    assert 5.0 == estimator.pace()  # a checkpoint takes time too, and is in no iteration's seconds


def test_elapsed_seconds_do_where_nothing_else_is_printed() -> None:
    """Stable-Baselines3 prints how long the run took so far, in whole seconds."""
    estimator = EtaEstimator()
    for count in range(1, 101):
        estimator.add(count, arrived=None, seconds=None, elapsed=int(0.35 * count))
    assert 0.35 == pytest.approx(estimator.pace(), rel=0.05)


def test_a_run_that_begins_again_has_a_pace_of_its_own() -> None:
    """The count falls back, and what was before does not matter."""
    estimator = of_arrivals([10.0 * count for count in range(10)])
    estimator.add(1, arrived=200.0, seconds=None, elapsed=None)
    estimator.add(2, arrived=201.0, seconds=None, elapsed=None)
    assert 1.0 == estimator.pace()


_FLOAT = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.integers(0, 10**9), _FLOAT, _FLOAT, _FLOAT), max_size=200))
def test_strange_numbers_do_no_harm(
    marks: list[tuple[int, float | None, float | None, float | None]],
) -> None:
    """A log can hold anything; the pace is a positive number or unknown."""
    estimator = EtaEstimator()
    for count, arrived, seconds, elapsed in marks:
        estimator.add(count, arrived=arrived, seconds=seconds, elapsed=elapsed)
    estimate = estimator.pace()
    assert estimate is None or 0 < estimate < float("inf")


def test_clocks_beyond_all_time_do_not_count() -> None:
    """The sum of what they say would overflow."""
    estimator = EtaEstimator()
    for count in range(6):
        estimator.add(count, arrived=None, seconds=2.0, elapsed=1e308 * (count % 2))
    assert estimator.pace() == 2.0
    estimator.add(6, arrived=None, seconds=1e308, elapsed=None)
    assert estimator.pace() == 2.0
