"""Times of a call, and their summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepscope import measure
from stepscope.errors import BadInputError
from tests.undecided import decided
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Let time pass only where a test says so."""
    virtual = VirtualTime()
    virtual.install(monkeypatch.setattr)
    return virtual


def test_a_summary_is_median_and_quartiles() -> None:
    """Half of the samples lie between low and high, and the median halves them."""
    timing = measure.summarise([5.0, 1.0, 2.0, 4.0, 3.0])
    assert measure.Timing(median=3.0, low=2.0, high=4.0, repeats=5) == timing
    assert timing.spread == pytest.approx(2 / 3)
    assert measure.Timing(median=7.0, low=7.0, high=7.0, repeats=1) == measure.summarise([7.0])


def test_a_call_that_takes_a_while_is_timed(clock: VirtualTime) -> None:
    """A call takes as long as it takes, whatever the size of a block."""
    elapsed = measure.stopwatch(lambda: clock.advance(0.002), block=0.01, warm_up=0.1)()
    assert pytest.approx(0.002, rel=1e-3) == elapsed.wall


def test_the_device_is_synchronised_at_the_ends_of_a_block_only(clock: VirtualTime) -> None:
    """There are two synchronisations a block, and far fewer of them than calls."""
    events: list[str] = []
    timed = measure.stopwatch(
        lambda: (events.append("call"), clock.advance(1e-4)),
        synchronise=lambda: events.append("wait"),
        block=0.01,
        warm_up=0.05,
    )
    timed()
    events.clear()
    timed()
    assert ("wait", "wait", 2) == (events[0], events[-1], events.count("wait"))
    assert events.count("call") > 10


def test_warm_up_does_not_count(clock: VirtualTime) -> None:
    """Slow first calls leave no trace in the result."""
    calls = iter(range(10**6))
    timed = measure.stopwatch(lambda: clock.advance(0.05 if next(calls) < 3 else 1e-4), block=0.005)
    assert pytest.approx(1e-4, rel=1e-3) == timed().wall


@pytest.mark.timing
def test_step_time_is_seconds_per_vector_step() -> None:
    """More environments take longer together, and less each."""
    seen: dict[str, measure.Timing] = {}

    def side(name: str, num_envs: int) -> Callable[[], measure.Elapsed]:
        def measured() -> measure.Elapsed:
            seen[name] = measure.step_time(num_envs, device="cpu")
            return measure.Elapsed(wall=seen[name].median)

        return measured

    sides = {
        "few": side("few", 16),
        "many": side("many", 65536),
    }
    comparison = measure.compare(sides, thresholds=[("many", "few", 2.0)], budget=60.0)
    assert all(0 < timing.low <= timing.median <= timing.high for timing in seen.values())
    decided(comparison.ratio("many", "few").between(2.0, 65536 / 16 / 10))


def test_what_the_environment_refuses_is_refused() -> None:
    """It is so in its words."""
    with pytest.raises(BadInputError, match="substeps is 0"):
        measure.step_time(4, options={"substeps": 0})


def test_step_time_refuses_a_device_that_is_not_here() -> None:
    """A device that cannot be used is refused in the same words as by the environment."""
    with pytest.raises(BadInputError, match="device 'toaster' is not usable here"):
        measure.step_time(4, device="toaster")
