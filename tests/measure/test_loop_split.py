"""Split of a loop's time, on environments and policies that take a known time of a virtual clock."""

from __future__ import annotations

import re
import sys

import pytest

from stepscope.errors import BadInputError
from stepscope.measure import MeasurementFailedError
from stepscope.measure._host_memory import available_host_bytes
from stepscope.measure._loop_split import loop_split
from tests.measure.loops_under_test import POLICY, RENDER, STEP

HERE = "tests.measure.loops_under_test:"
SHORT = {"num_envs": 5, "horizon": 4, "seconds": 1.0, "repeats": 5}
EXACT = 1e-3


def test_each_part_is_timed_by_itself() -> None:
    """A step takes 4 ms and the policy 2 ms, and the update runs the policy once for each of its 4 x 5 parts."""
    split = loop_split(f"{HERE}virtual", policy=f"{HERE}slow_policy", **SHORT)
    assert pytest.approx(STEP, rel=EXACT) == split.stepping.median
    assert pytest.approx(POLICY, rel=EXACT) == split.inference.median
    assert pytest.approx(20 * POLICY / 4, rel=EXACT) == split.learning.median
    assert (4, 5, "cpu", 1) == (split.horizon, split.total.repeats, split.device, split.threads)


def test_the_clock_is_that_of_the_wall() -> None:
    """An environment that really sleeps takes as long at least."""
    split = loop_split(f"{HERE}Real", **SHORT)
    assert STEP <= split.stepping.low
    assert STEP <= split.total.low


def test_the_scopes_are_sums_of_the_parts() -> None:
    """A rollout is stepping and inference, and the total all three."""
    split = loop_split(f"{HERE}virtual", policy=f"{HERE}slow_policy", **SHORT)
    rollout = split.stepping.median + split.inference.median
    assert pytest.approx(rollout, rel=EXACT) == split.rollout.median
    assert pytest.approx(rollout + split.learning.median, rel=EXACT) == split.total.median


def test_a_slow_start_is_no_part_of_it() -> None:
    """The first step takes a second longer, as compiling does, and the warm-up goes on until it is steady."""
    split = loop_split(f"{HERE}virtual", options={"first": 1.5}, **{**SHORT, "seconds": 3.0})
    assert pytest.approx(STEP, rel=EXACT) == split.total.high
    assert split.warm_up >= 4
    assert split.steady


def test_rendering_is_timed_by_leaving_it_out() -> None:
    """An environment that may leave it out is timed with it and without."""
    split = loop_split(f"{HERE}virtual", options={"rendering": True}, **SHORT)
    assert split.without_rendering is not None
    assert pytest.approx(RENDER, rel=EXACT) == split.stepping.median - split.without_rendering.median
    assert loop_split(f"{HERE}virtual", **SHORT).without_rendering is None


def test_what_a_hidden_item_costs_is_found_with_its_line() -> None:
    """One value a vector step is read, and the line is named."""
    split = loop_split("stepscope.envs.bottlenecks:hidden_wait", options={"launches": 3}, **SHORT)
    (where, often), *rest = split.host_syncs_at
    assert (1.0, 1.0, []) == (split.host_syncs, often, rest)
    path, _, line = where.rpartition(":")
    with open(path, encoding="utf-8") as source:  # noqa: PTH123 - a name from a frame
        assert ".item()" in source.read().splitlines()[int(line) - 1]


def test_a_policy_that_is_none_gets_a_sentence() -> None:
    """Only a module of torch can be trained."""
    with pytest.raises(BadInputError, match=r"returned a float; it must return a torch\.nn\.Module"):
        loop_split(f"{HERE}Sleeping", policy=f"{HERE}no_policy", **SHORT)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux")
def test_no_loop_may_ask_for_more_memory_than_there_is() -> None:
    """What is too large is refused its memory, and the machine lives."""
    with pytest.raises(MeasurementFailedError, match="MemoryError") as caught:
        loop_split(f"{HERE}limited", **SHORT)
    (limit,) = re.findall(r"limit (\d+)", caught.value.reason)
    assert 0.5 * available_host_bytes() < int(limit) < 1.5 * available_host_bytes()


def test_a_factory_that_raises_is_a_failed_measurement() -> None:
    """What it raised is said, and nothing happens to this process."""
    with pytest.raises(MeasurementFailedError, match="no asset for 5"):
        loop_split(f"{HERE}ran_away", **SHORT)
