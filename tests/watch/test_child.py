"""Running commands; all of them are real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from stepscope._common.exit_status import describe_exit
from stepscope.errors import BadInputError
from stepscope.watch import child as module
from stepscope.watch.child import Child
from tests.virtual_time import VirtualTime


def python(code: str) -> Child:
    """Start Python with a few lines of code."""
    return Child([sys.executable, "-c", code])


def all_of(child: Child) -> bytes:
    """Return all that it prints."""
    output = b""
    while (data := child.next(0.1)) is not None:
        output += data
    return output


def until(child: Child, text: bytes) -> bytes:
    """Return what it prints up to a text."""
    output = b""
    while text not in output:
        data = child.next(0.1)
        assert data is not None, f"it ended after {output!r}"
        output += data
    return output


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_it_ends_with_the_status_of_the_command(status: int) -> None:
    """Scripts look at it."""
    child = python(f"import sys; sys.exit({status})")
    assert b"" == all_of(child)
    assert status == child.status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_counts_as_in_a_shell(number: signal.Signals) -> None:
    """A shell says 137 of a process that was killed."""
    child = python(f"import os; os.kill(os.getpid(), {int(number)})")
    all_of(child)
    assert 128 + number == child.status
    assert number.name in describe_exit(child.status)


def test_both_outputs_come_in_the_order_of_printing() -> None:
    """A traceback stands behind the line that was printed before it."""
    child = python("import sys\nfor i in range(50): print(i); print(-i, file=sys.stderr)")
    assert b"".join(b"%d\n%d\n" % (i, -i) for i in range(50)) == all_of(child)


def test_python_is_told_not_to_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines come when they are printed, unless somebody decided otherwise."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    code = "import time; print('now'); time.sleep(600)"
    child = python(code)
    until(child, b"now\n")
    child.handle_signal(signal.SIGTERM)
    all_of(child)
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    assert b"''\n" == all_of(python("import os; print(repr(os.environ['PYTHONUNBUFFERED']))"))


_STUBBORN = """
import signal, time
def note(number, frame):
    print(signal.Signals(number).name)
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGTERM, note)
print("ready")
for _ in range(6000):
    time.sleep(0.1)
"""


def test_ctrl_c_is_passed_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed in a hurry, it must not end a run that saves its work; later, it asks for more."""
    clock = VirtualTime()
    child = python(_STUBBORN)
    until(child, b"ready\n")
    with monkeypatch.context() as patch:
        clock.install(patch.setattr)
        for _ in range(3):
            assert not child.handle_signal(signal.SIGINT)
            clock.advance(0.4 * module._PATIENCE)
    assert b"SIGINT\n" == until(child, b"SIGINT\n")
    assert "again terminates it" in child.notes[0]
    with monkeypatch.context() as patch:
        clock.install(patch.setattr)
        child.handle_signal(signal.SIGINT)
    assert b"SIGTERM\n" == until(child, b"SIGTERM\n")
    assert "again kills it" in child.notes[0]
    with monkeypatch.context() as patch:
        clock.install(patch.setattr)
        clock.advance(1.1 * module._PATIENCE)
        child.handle_signal(signal.SIGINT)
    all_of(child)
    assert 137 == child.status
    assert child.interrupted


def test_other_signals_are_passed_on_as_they_are() -> None:
    """A scheduler sends SIGTERM, and expects the run to hear of it."""
    child = python(_STUBBORN)
    until(child, b"ready\n")
    assert not child.handle_signal(signal.SIGTERM)
    until(child, b"SIGTERM\n")
    child.handle_signal(signal.SIGKILL)
    all_of(child)


def test_processes_of_the_command_hear_of_it_too() -> None:
    """A launcher starts one process for each GPU."""
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import time; print(\"inner\"); time.sleep(600)'])"
    )
    child = python(code)
    until(child, b"inner\n")
    child.handle_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in all_of(child)
    assert 130 == child.status


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux whether it is stopped")  # noqa: PTH110 - one call
def test_a_stopped_run_goes_on() -> None:
    """Ctrl-Z stops it with us, and fg lets it go on."""
    child = python(
        "import os\nprint(os.getpid())\nfor i in range(10**6): print(i); __import__('time').sleep(0.05)"
    )
    pid = int(until(child, b"\n3\n").split()[0])
    child.pause()
    while state(pid) != "T":
        time.sleep(0.01)
    while child.next(0.4):  # what it has printed before
        continue
    assert "T" == state(pid)
    child.resume()
    while not child.next(1.0):
        continue
    child.handle_signal(signal.SIGKILL)
    all_of(child)


def state(pid: int) -> str:
    """Return the letter of what a process does."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def test_a_command_that_closes_its_output_is_awaited() -> None:
    """The run is over when the process is."""
    began = time.monotonic()
    child = python("import os, sys, time; os.close(1); os.close(2); time.sleep(0.8); os._exit(3)")
    all_of(child)
    assert time.monotonic() - began > 0.8
    assert 3 == child.status


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="asks Linux whether it is there")  # noqa: PTH110 - one call
def test_a_process_that_is_left_behind_is_not_awaited() -> None:
    """A run may have started a TensorBoard that holds its output open for ever."""
    code = (
        "import subprocess, sys; print('started', subprocess.Popen("
        "[sys.executable, '-c', 'import time; time.sleep(300)']).pid)"
    )
    child = python(code)
    output = all_of(child)
    pid = int(output.split()[1])
    assert state(pid) not in "ZX"
    assert 0 == child.status
    os.kill(pid, signal.SIGKILL)


def test_it_has_no_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody sees must not be waited for: an answer cannot be typed while the view is drawn."""
    _, side = os.openpty()
    with os.fdopen(side, "rb") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert b"EOFError" in all_of(python("input()"))


@pytest.mark.parametrize("command", [["/nonexistent/train"], [""], ["a\0b"], ["/"]])
def test_what_cannot_be_started_is_said(command: list[str]) -> None:
    """One sentence, with the reason."""
    with pytest.raises(BadInputError, match="cannot be started"):
        Child(command)


def test_a_script_that_may_not_be_run_is_said(tmp_path: Path) -> None:
    """It may be text that was never marked as a program."""
    script = tmp_path / "train.py"
    script.write_text("print(1)", encoding="utf-8")
    with pytest.raises(BadInputError, match="Permission denied"):
        Child([str(script)])
