"""Times are compared in turns, so that other work on the machine falsifies nothing."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from stepscope.errors import BadInputError
from stepscope.measure import Comparison, Disturbance, DisturbanceMeter, Elapsed, compare, stopwatch
from tests.undecided import decided

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def busy() -> Iterator[None]:
    """More endless loops than processors, so that whoever computes has to wait."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range((os.cpu_count() or 1) + 1)
    ]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


def work(size: int) -> Callable[[], object]:
    """Return what takes time in proportion to `size`."""

    def worked() -> float:
        total = 0.0
        for number in range(size):
            total += math.sqrt(number)
        return total

    return worked


def took(seconds: float) -> Callable[[], Elapsed]:
    """Return a side that always says that it took so long."""
    return lambda: Elapsed(wall=seconds, cpu=seconds)


class TestCompare:
    def test_the_sides_take_turns_in_both_orders(self) -> None:
        """What gets slower by and by, as a machine that heats up, is in both sides alike."""
        order: list[str] = []
        clock = iter(range(1, 10**6))

        def side(name: str, factor: float) -> Callable[[], Elapsed]:
            def measured() -> Elapsed:
                order.append(name)
                seconds = factor * (100.0 + next(clock))
                return Elapsed(wall=seconds, cpu=seconds)

            return measured

        comparison = compare({"a": side("a", 1.0), "b": side("b", 2.0)}, budget=0.0, least=10)
        assert list("abbaabbaabbaabbaabba") == order
        ratio = comparison.ratio("b", "a")
        assert ratio.low < 2.0 < ratio.high

    def test_it_ends_when_the_thresholds_are_decided(self) -> None:
        """A claim that is clear after nine rounds costs nine rounds."""
        comparison = compare({"a": took(1.0), "b": took(3.0)}, thresholds=[("b", "a", 2.0)])
        assert 9 == len(comparison.rounds)

    def test_it_goes_on_while_one_is_open(self) -> None:
        """Up to the most rounds, or as long as the budget lasts."""
        turns = iter(range(10**6))
        swings = lambda: Elapsed(wall=1.0, cpu=2.0 + (-1) ** next(turns))  # noqa: E731 - a side
        sides = {"a": took(1.0), "b": swings}
        assert 31 == len(compare(sides, thresholds=[("b", "a", 2.0)], most=31).rounds)
        assert 9 == len(compare(sides, thresholds=[("b", "a", 2.0)], budget=0.0).rounds)

    def test_parts_of_a_side_are_sides(self) -> None:
        """What a loop's iteration consists of is measured at once."""
        parts = lambda: {"one": Elapsed(wall=1.0, cpu=1.0), "two": Elapsed(wall=2.0, cpu=2.0)}  # noqa: E731 - a side
        comparison = compare({"loop": parts})
        assert 2.0 == comparison.ratio(("loop", "two"), ("loop", "one")).value

    def test_the_clock_on_the_wall_stands_in_where_there_is_no_other(self) -> None:
        """On a GPU, and for other processes; then other work may have falsified a ratio."""
        on_gpu = compare({"a": lambda: Elapsed(wall=1.0), "b": lambda: Elapsed(wall=2.0)})
        assert ("wall", True) == (on_gpu.clock, on_gpu.ratio("a", "b").exposed)
        on_cpu = compare({"a": took(1.0), "b": took(2.0)})
        assert ("cpu", False) == (on_cpu.clock, on_cpu.ratio("a", "b").exposed)

    def test_nothing_to_compare_is_refused(self) -> None:
        """In a sentence."""
        with pytest.raises(BadInputError, match="nothing to compare"):
            compare({})

    def test_it_survives_json(self) -> None:
        """A fresh process answers with it."""
        comparison = compare({0: took(1.0), 1: lambda: {"part": took(2.0)()}})
        back = Comparison.from_json(json.loads(json.dumps(comparison.to_json())), ["a", "b"])
        assert ["a", ("b", "part")] == list(back.rounds[0])
        assert back == Comparison.from_json(comparison.to_json(), ["a", "b"])
        assert 2.0 == back.ratio(("b", "part"), "a").value


@pytest.mark.timing
class TestRealTimes:
    def test_known_work_under_load(self, busy: None) -> None:  # noqa: ARG002 - it makes the load
        """Three times the work takes three times the processor, while the wall clock says much more."""
        comparison = compare({"one": stopwatch(work(20_000)), "three": stopwatch(work(60_000))}, budget=10.0)
        assert comparison.clock == "cpu"
        if comparison.disturbance.waited is not None:
            assert comparison.disturbance.busy
        assert comparison.wall("one").median > comparison.seconds("one").median
        decided(comparison.ratio("three", "one").between(2.5, 3.5))

    def test_a_call_is_repeated_until_a_block_is_full(self) -> None:
        """And the result is the time of one call."""
        calls = 0

        def call() -> None:
            nonlocal calls
            calls += 1
            time.sleep(1e-3)

        elapsed = stopwatch(call, warm_up=0.0)()
        assert calls > 10
        assert 1e-3 <= elapsed.wall < 0.02
        assert elapsed.cpu is not None
        assert elapsed.cpu < elapsed.wall

    def test_what_is_waited_for_has_no_time_of_the_processor(self) -> None:
        """It runs on a device, and the processor's time says nothing of it."""
        assert stopwatch(lambda: None, synchronise=lambda: None, block=1e-4, warm_up=0.0)().cpu is None


@pytest.mark.timing
class TestDisturbance:
    def test_waiting_is_what_the_processor_did_not_do(self, busy: None) -> None:  # noqa: ARG002 - as above
        """Of a thread that only computes, the scheduler's account and the two clocks say the same."""
        meter = DisturbanceMeter()
        wall, cpu = time.perf_counter(), time.thread_time()
        while time.perf_counter() - wall < 2.0:
            work(10_000)()
            meter.calibrate()
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        disturbance = meter.read()
        if disturbance.waited is None:
            pytest.skip("this system does not tell how long a thread waited")
        assert disturbance.waited == pytest.approx(1.0 - cpu / wall, abs=0.1)
        assert disturbance.busy
        assert disturbance.spread is not None

    @pytest.mark.skipif(os.name != "posix", reason="no times of children")
    def test_the_work_of_a_child_counts(self, busy: None) -> None:  # noqa: ARG002 - as above
        """A child's own account of what it waited is what the parent finds when it has ended."""
        script = (
            "import time, pathlib\nuntil = time.perf_counter() + 2\n"
            "while time.perf_counter() < until: sum(range(1000))\n"
            "print(pathlib.Path('/proc/self/schedstat').read_text())"
        )
        meter = DisturbanceMeter(children=True)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        disturbance = meter.read()
        if done.returncode:
            pytest.skip("this system does not tell how long a process waited")
        assert disturbance.waited == pytest.approx(int(done.stdout.split()[1]) * 1e-9 / seconds, abs=0.15)

    def test_it_is_said_in_a_line(self) -> None:
        """With what the system tells, and no more."""
        assert "not known" == str(Disturbance())
        assert "CPU pressure 50%" in str(Disturbance(pressure=0.5))
        assert (0.5, 0.2) == (Disturbance(pressure=0.5).share, Disturbance(pressure=0.5, waited=0.2).share)
