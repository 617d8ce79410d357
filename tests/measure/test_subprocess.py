"""Fresh processes: what they are, and what cannot hurt their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stepscope import measure
from stepscope.errors import BadInputError
from stepscope.measure import _subprocess

pytestmark = pytest.mark.skipif(not _subprocess._FORKS, reason="each measurement starts its own process here")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fresh processes find the targets that stand beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def run(name: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the target returns
    """Run one of the targets beside this file."""
    return measure.run_in_subprocess(f"targets_under_test:{name}", **arguments)


def test_every_measurement_has_its_own_process() -> None:
    """Two measurements have two processes, neither this one, and nothing remains of the first in the second."""
    first, second = run("describe_process"), run("describe_process")
    assert len({os.getpid(), first["pid"], second["pid"]}) == 3
    assert (1, 1) == (first["seen"], second["seen"])


def test_a_fresh_process_is_pristine() -> None:
    """It uses one thread, has not touched a GPU, and stands in this process's working directory."""
    process = run("describe_process")
    assert (1, False, str(Path.cwd())) == (process["threads"], process["initialised"], process["cwd"])


def test_torch_is_imported_once() -> None:
    """Measurements are forked from one server that has imported torch, so that none of them has to."""
    first, second = run("describe_process"), run("describe_process")
    assert (first["parent"], [True] * 2) == (
        second["parent"],
        [process["prepared"] for process in (first, second)],
    )


def test_arguments_and_results_travel() -> None:
    """What JSON can hold comes back as it went, however large."""
    assert {"text": "ä\n", "numbers": [1, 2.5, None]} == run("echo", text="ä\n", numbers=[1, 2.5, None])
    assert [0.5] * 100_000 == run("many")


def test_printing_is_no_answer() -> None:
    """What a measurement prints, even by file descriptor, is not taken for its result."""
    assert run("shout") == "this"
    assert run("echo") == {}


def test_refused_input_stays_refused_input() -> None:
    """BadInputError crosses over with its sentence."""
    with pytest.raises(BadInputError, match=r"^num_envs is 0; it must be a positive integer\.$"):
        run("refuse")


def test_arguments_beyond_json_get_a_sentence() -> None:
    """An argument that cannot travel is refused before anything runs."""
    with pytest.raises(BadInputError, match="cannot be measured with these arguments"):
        run("echo", what=object())


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("fail", "raised RuntimeError: CUDA out of memory", "Tried to allocate"),
        ("die", "was killed by SIGKILL", "goodbye"),
        ("leave", "ended with exit status 3 and without an answer", ""),
        (
            "missing",
            "raised AttributeError: module 'targets_under_test' has no attribute 'missing'",
            "AttributeError",
        ),
    ],
)
def test_a_death_is_reported_and_survived(name: str, reason: str, words: str) -> None:
    """A measurement that raises, is killed or leaves is reported with the end of its output, and the next one works."""
    with pytest.raises(measure.MeasurementFailedError) as failure:
        run(name)
    assert reason == failure.value.reason
    assert words in failure.value.output_tail
    assert reason in str(failure.value)
    assert run("echo") == {}


def test_a_crash_says_where_it_was() -> None:
    """The traceback of a segmentation fault names the Python function that it happened in."""
    with pytest.raises(measure.MeasurementFailedError, match="SIGSEGV") as failure:
        run("die", number=signal.SIGSEGV)
    assert "in die" in failure.value.output_tail


def test_a_hang_is_cut_and_says_where_it_was() -> None:
    """A measurement beyond its limit is ended soon after; the end of its output names the function it hung in."""
    start = time.perf_counter()
    for limit in (1, 10, 100):  # a busy machine may take a second only to come there
        with pytest.raises(measure.MeasurementFailedError, match=f"took longer than {limit} s") as failure:
            run("hang", limit=limit)
        if "waiting for the device" in failure.value.output_tail:
            break
    assert time.perf_counter() - start < 400  # the hang would last for 600 s
    assert "waiting for the device" in failure.value.output_tail
    assert "in hang" in failure.value.output_tail


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks Linux which processes there are")
def test_nothing_outlives_a_measurement() -> None:
    """Processes that a measurement started end with it."""
    child = run("leave_a_child")
    deadline = time.perf_counter() + 300  # it would last for 600 s
    while time.perf_counter() < deadline:
        try:
            state = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":  # ended; whoever adopted it has not looked yet
            return
        time.sleep(0.05)
    pytest.fail(f"process {child} is still there")


def test_a_dead_server_is_replaced() -> None:
    """If the server itself is killed, the next measurement starts another."""
    server = run("describe_process")["parent"]
    os.kill(server, signal.SIGKILL)
    assert _subprocess._server._server is not None
    _subprocess._server._server.process._process.wait()
    assert server != run("describe_process")["parent"]


# From Python 3.12 on, where another test has left a thread.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_of_the_parent_has_its_own_server() -> None:
    """A process forked from one that measures neither takes its answers nor keeps its server alive."""
    server = run("describe_process")["parent"]
    child = os.fork()
    if child == 0:
        os._exit(run("describe_process")["parent"] == server)
    assert os.waitpid(child, 0)[1] == 0
    assert run("echo", who="parent") == {"who": "parent"}


def test_an_unguarded_script_runs_once(tmp_path: Path) -> None:
    """A script without a main guard is not run again by its measurements, and leaves no process behind."""
    script = tmp_path / "script.py"
    script.write_text(
        "from stepscope import measure\nprint('once')\nprint(measure.run_in_subprocess('os:getcwd') == __import__('os').getcwd())\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (["once", "True"], "") == (done.stdout.splitlines(), done.stderr)


def test_importing_measure_imports_no_torch() -> None:
    """The parent stays light: torch is in the fresh processes only."""
    script = "import sys, stepscope.measure, stepscope.plan; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
