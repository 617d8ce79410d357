"""Footprints: what a process takes of memory against the kernel's own figures, and what no process can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.errors import BadInputError
from stepscope.measure import Outcome, footprint_of, footprint_of_command
from stepscope.measure._host_memory import available_host_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fresh processes find the targets that stand beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(name: str, **arguments: Any) -> Outcome:  # noqa: ANN401 - whatever the target takes
    """Measure one of the targets of memory."""
    return footprint_of(f"memory_targets_under_test:{name}", **arguments)


def host(outcome: Outcome) -> int:
    """Return the bytes of a footprint that there must be."""
    assert outcome.footprint is not None
    return outcome.footprint.host_bytes


def hung(measure: Callable[[float], Outcome], words: str) -> Outcome:
    """Return how a measurement ended that hangs, with a limit at which it has come so far as to say `words`.

    A busy machine may take a second only to start it.
    """
    for limit in (1.0, 10.0, 100.0):
        outcome = measure(limit)
        if words in outcome.printed + outcome.output_tail:
            break
    if outcome.status == "too slow":
        assert f"took longer than {limit:g} s" == outcome.reason
    return outcome


def test_what_is_taken_is_found() -> None:
    """100 MiB more are 100 MiB more, to a hundredth."""
    few, many = run("take", mebibytes=100), run("take", mebibytes=200)
    assert ("ok", "ok") == (few.status, many.status)
    assert pytest.approx(100 * MIB, rel=0.01) == host(many) - host(few)


def test_the_peak_is_the_kernels_own() -> None:
    """The footprint of one process is what the kernel tells that process itself about its peak."""
    outcome = run("take", mebibytes=150)
    assert pytest.approx(outcome.result["ru_maxrss"], rel=0.01) == host(outcome)


def test_a_moment_is_enough() -> None:
    """Memory that was held for less than the time between two samples counts."""
    assert host(run("take_and_let_go", mebibytes=20)) > host(run("take", mebibytes=0)) + 19 * MIB


def test_memory_that_nobody_touches_does_not_count() -> None:
    """What is asked for and not used takes nothing, and no limit on memory ends its process."""
    outcome = run("ask_only", mebibytes=4000, limit_bytes=100 * MIB)
    assert ("ok", True) == (outcome.status, host(outcome) < 60 * MIB)


def test_shared_pages_count_once() -> None:
    """Three processes that share 200 MiB take 200 MiB together, and not 600."""
    base = host(run("share", children=0, mebibytes=200))
    shared = host(run("share", children=2, mebibytes=200))
    assert base > 200 * MIB
    assert 200 * MIB < shared < base + 60 * MIB


def test_a_command_is_measured_with_what_it_starts(tmp_path: Path) -> None:
    """The memory of a command's children is the command's."""
    totals = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        code = f"import memory_targets_under_test as targets; targets.take_together(150, {str(folder)!r}, {count})"
        child = f'{sys.executable} -c "{code}"'
        variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        outcome = footprint_of_command(["sh", "-c", f"{child} & " * count + "wait"], environment=variables)
        assert "ok" == outcome.status
        totals.append(host(outcome))
    assert totals[1] > totals[0] + 140 * MIB


def test_a_command_ends_where_its_limit_is() -> None:
    """A tree of processes is ended as a whole when together they take more than they may."""
    child = f"{sys.executable} -c 'import time; held = bytearray(120 << 20); time.sleep(600)'"
    outcome = footprint_of_command(["sh", "-c", f"{child} & {child} & {child}; wait"], limit_bytes=250 * MIB)
    assert ("out of memory", "took more than its limit of 250 MiB") == (outcome.status, outcome.reason)
    assert outcome.seconds < 300  # each of them lasts for 600 s


def test_no_process_takes_the_machine_down() -> None:
    """One that takes memory without end is ended soon after its limit, long before the machine is full."""
    available = available_host_bytes()
    outcome = run("take_without_end", limit_bytes=300 * MIB)
    assert ("out of memory", None) == (outcome.status, outcome.result)
    assert 300 * MIB < host(outcome) < 300 * MIB + available / 4


def test_nothing_escapes() -> None:
    """A grandchild in a session of its own counts, and ends with its measurement."""
    outcome = run("hide", mebibytes=150)
    assert ("ok", True) == (outcome.status, host(outcome) > 150 * MIB)
    assert not _lives(outcome.result)
    assert "out of memory" == run("hide", mebibytes=300, limit_bytes=200 * MIB).status


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_measurement_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    """If the parent is killed, so is the measured process."""
    script = (
        "from stepscope.measure import footprint_of_command;"
        "footprint_of_command(['sh', '-c', 'echo $$ > /dev/stderr; echo $$ > $FILE; sleep 600'])"
    )
    file = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "FILE": str(file)})
    try:
        deadline = time.monotonic() + 300
        while not (file.exists() and file.read_text(encoding="ascii").strip()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        pid = int(file.read_text(encoding="ascii"))
        parent.kill()
        parent.wait()
        while _lives(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("torch_refused", "DefaultCPUAllocator: can't allocate memory"),
        ("numpy_refused", "Unable to allocate"),
        ("take", "raised MemoryError"),
        ("warp_refused", "Failed to allocate"),
    ],
)
def test_each_allocators_words_are_understood(name: str, words: str) -> None:
    """What PyTorch, NumPy, Python and Warp say when the system refuses them is out of memory."""
    outcome = run(name, mebibytes=8000, limit_asked_bytes=3000 * MIB)
    assert ("out of memory", True) == (outcome.status, words in outcome.reason), outcome


def test_a_refusal_for_want_of_memory_is_told_apart() -> None:
    """An environment that turns the allocator's error into a sentence of its own still ran out of memory."""
    assert "out of memory" == run("cartpoles", num_envs=10**12).status
    refused = run("cartpoles", num_envs=0)
    assert ("failed", "num_envs is 0; it must be a positive integer.") == (refused.status, refused.reason)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGKILL, "killed"),
        (signal.SIGTERM, "killed"),
        (signal.SIGSEGV, "crashed"),
        (signal.SIGABRT, "crashed"),
    ],
)
def test_signals_are_told_apart(number: signal.Signals, status: str) -> None:
    """A crash is a crash, with the function that it happened in; who is killed was killed by somebody."""
    outcome = footprint_of("targets_under_test:die", number=number)
    assert (status, f"was killed by {number.name}") == (outcome.status, outcome.reason)
    assert "goodbye" in outcome.output_tail
    assert (status == "crashed") == ("in die" in outcome.output_tail)


def test_a_hang_is_cut_and_says_where_it_was() -> None:
    """Beyond its time a function is ended, and the end of its output names the place; so are a command's."""
    outcome = hung(
        lambda limit: footprint_of("targets_under_test:hang", limit_seconds=limit), "waiting for the device"
    )
    assert ("too slow", True) == (outcome.status, "in hang" in outcome.output_tail)
    script = "def stuck():\n    import time; print('stuck'); time.sleep(600)\nstuck()"
    command = [sys.executable, "-c", script]
    outcome = hung(lambda limit: footprint_of_command(command, limit_seconds=limit), "stuck\n")
    assert ("too slow", True) == (outcome.status, "in stuck" in outcome.output_tail)


def test_a_hang_after_words_of_no_memory_is_out_of_memory() -> None:
    """A renderer without memory prints so and hangs: that is the cause, and not the time."""
    words = "VkResult: ERROR_OUT_OF_DEVICE_MEMORY"
    outcome = hung(lambda limit: run("say_and_hang", what=words, limit_seconds=limit), words)
    assert ("out of memory", words) == (outcome.status, outcome.reason)


def test_a_flood_of_words_costs_nothing() -> None:
    """Of what is printed only the end is kept, and nobody waits for a reader."""
    outcome = run("print_much", mebibytes=16)
    assert ("failed", "ended with exit status 4") == (outcome.status, outcome.reason)
    assert outcome.output_tail.endswith("the end")


def test_results_and_arguments_travel() -> None:
    """What JSON can hold comes back as it went; what it cannot is refused before anything runs."""
    assert {"numbers": [1, 2.5, None]} == footprint_of(
        "targets_under_test:echo", numbers=[1, 2.5, None]
    ).result
    with pytest.raises(BadInputError, match="cannot be measured with these arguments"):
        footprint_of("targets_under_test:echo", what=object())


@pytest.mark.parametrize("target", ["echo", ":echo", "targets_under_test:"])
def test_what_is_no_function_gets_a_sentence(target: str) -> None:
    """A target without both parts is refused."""
    with pytest.raises(BadInputError, match="is not a valid target; write module:function"):
        footprint_of(target)


def test_a_command_that_is_not_there_gets_a_sentence() -> None:
    """A program that cannot be started is bad input, and no result."""
    with pytest.raises(BadInputError, match="no-such-program cannot be started"):
        footprint_of_command(["no-such-program"])


def test_threads_are_set_and_told() -> None:
    """A function runs with one thread, and its result says so."""
    outcome = footprint_of("targets_under_test:describe_process")
    assert (1, "1") == (outcome.result["threads"], outcome.threads)


def test_freed_tensors_go_back_to_the_system() -> None:
    """A tensor that is freed leaves no hole behind: the peak is that of the largest, as the closed form says."""
    script = (
        "import torch; torch.ones(1)\nfor n in range(1, 30): x = torch.ones(n, 2**18); y = x + 1; del x, y"
    )
    from stepscope.measure._footprint import RETURNS_MEMORY  # noqa: PLC0415 - for this one

    variables = {**os.environ, "OMP_NUM_THREADS": "1", **RETURNS_MEMORY}
    base = footprint_of_command(
        [sys.executable, "-c", "import torch; torch.ones(1) + 1"], environment=variables
    )
    peak = footprint_of_command([sys.executable, "-c", script], environment=variables)
    assert pytest.approx(2 * 29 * MIB, abs=6 * MIB) == host(peak) - host(base)
