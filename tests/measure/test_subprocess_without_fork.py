"""Fresh processes where nothing can be forked: one is started for each measurement."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from stepscope import measure
from stepscope.errors import BadInputError
from stepscope.measure import _subprocess


@pytest.fixture(autouse=True)
def without_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure as on a system without fork, and find the targets that stand beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(_subprocess, "_server", _subprocess._Server(forks=False))
    monkeypatch.delattr(os, "fork", raising=False)


def run(name: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the target returns
    """Run one of the targets beside this file."""
    return measure.run_in_subprocess(f"targets_under_test:{name}", **arguments)


def test_every_measurement_has_its_own_process() -> None:
    """One measurement after another works, each in a pristine process of one thread with torch imported."""
    processes = [run("describe_process") for _ in range(3)]
    assert len({os.getpid(), *(process["pid"] for process in processes)}) == 4
    assert [(1, 1, True, False, str(Path.cwd()))] * 3 == [
        (process["seen"], process["threads"], process["prepared"], process["initialised"], process["cwd"])
        for process in processes
    ]


def test_printing_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """What a measurement prints, even by file descriptor, is not taken for its result, and is not seen."""
    assert run("shout") == "this"
    assert ("", "") == capfd.readouterr()


def test_arguments_and_results_travel() -> None:
    """What JSON can hold comes back as it went, however large, and so does refused input."""
    long = "ä\n" * 100_000
    assert {"text": long, "numbers": [1, 2.5, None]} == run("echo", text=long, numbers=[1, 2.5, None])
    with pytest.raises(BadInputError, match=r"^num_envs is 0; it must be a positive integer\.$"):
        run("refuse")


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("fail", "raised RuntimeError: CUDA out of memory", "Tried to allocate"),
        ("leave", "ended with exit status 3 and without an answer", ""),
        pytest.param(
            "die",
            "was killed by SIGKILL",
            "goodbye",
            marks=pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL"),
        ),
    ],
)
def test_a_death_is_reported(name: str, reason: str, words: str) -> None:
    """A measurement that raises, leaves or is killed is reported with the end of its output."""
    with pytest.raises(measure.MeasurementFailedError) as failure:
        run(name)
    assert reason == failure.value.reason
    assert words in failure.value.output_tail


def test_a_hang_is_cut_and_says_where_it_was() -> None:
    """A measurement beyond its limit ends at it, and the end of its output names the function it hung in."""
    start = time.perf_counter()
    for limit in (1, 10, 100):  # a busy machine may take a second only to come there
        with pytest.raises(measure.MeasurementFailedError, match=f"took longer than {limit} s") as failure:
            run("hang", limit=limit)
        if "waiting for the device" in failure.value.output_tail:
            break
    assert time.perf_counter() - start < 500  # the hang would last for 600 s
    assert "waiting for the device" in failure.value.output_tail
    assert "in hang" in failure.value.output_tail


def test_a_process_that_does_not_start_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs before its limit begins, as in an import, is killed when the time for that is over."""
    monkeypatch.setattr(_subprocess, "_START_UP", 0.0)
    start = time.perf_counter()
    with pytest.raises(measure.MeasurementFailedError, match=r"took longer than 0\.01 s"):
        run("hang", limit=0.01)
    assert time.perf_counter() - start < 300  # the hang would last for 600 s


def test_nothing_waits_for_what_a_measurement_leaves_running() -> None:
    """A process that a measurement started and left keeps nobody waiting."""
    start = time.perf_counter()
    assert run("leave_a_child", limit=500) > 0
    assert time.perf_counter() - start < 400  # it would last for 600 s
