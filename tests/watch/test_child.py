"""Running commands; all of them are real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from stepscope.errors import BadInputError
from stepscope.watch import child as module
from stepscope.watch.child import Child, how_it_ended

if TYPE_CHECKING:
    from pathlib import Path


def python(code: str) -> Child:
    """Start Python with a few lines of code."""
    return Child([sys.executable, "-c", code])


def all_of(child: Child) -> bytes:
    """Return all that it prints."""
    found = b""
    while (data := child.next(0.1)) is not None:
        found += data
    return found


def until(child: Child, text: bytes) -> bytes:
    """Return what it prints up to a text."""
    found = b""
    deadline = time.monotonic() + 20
    while text not in found and time.monotonic() < deadline:
        found += child.next(0.1) or b""
    assert text in found
    return found


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
    assert number.name in how_it_ended(child.status)[0]


def test_both_outputs_come_in_the_order_of_printing() -> None:
    """A traceback stands behind the line that was printed before it."""
    child = python("import sys\nfor i in range(50): print(i); print(-i, file=sys.stderr)")
    assert b"".join(b"%d\n%d\n" % (i, -i) for i in range(50)) == all_of(child)


def test_python_is_told_not_to_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines come when they are printed, unless somebody decided otherwise."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    code = "import time; print('now'); time.sleep(60)"
    child = python(code)
    until(child, b"now\n")
    child.told(signal.SIGTERM)
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
for _ in range(600):
    time.sleep(0.1)
"""


def test_ctrl_c_is_passed_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed in a hurry, it must not end a run that saves its work; later, it asks for more."""
    monkeypatch.setattr(module, "_PATIENCE", 1.0)
    child = python(_STUBBORN)
    until(child, b"ready\n")
    for _ in range(3):
        assert not child.told(signal.SIGINT)
    assert b"SIGINT\n" == until(child, b"SIGINT\n")
    assert "again terminates it" in child.notes[0]
    time.sleep(1.1)
    child.told(signal.SIGINT)
    assert b"SIGTERM\n" == until(child, b"SIGTERM\n")
    assert "again kills it" in child.notes[0]
    time.sleep(1.1)
    child.told(signal.SIGINT)
    all_of(child)
    assert 137 == child.status
    assert child.interrupted


def test_other_signals_are_passed_on_as_they_are() -> None:
    """A scheduler sends SIGTERM, and expects the run to hear of it."""
    child = python(_STUBBORN)
    until(child, b"ready\n")
    assert not child.told(signal.SIGTERM)
    until(child, b"SIGTERM\n")
    child.told(signal.SIGKILL)
    all_of(child)


def test_processes_of_the_command_hear_of_it_too() -> None:
    """A launcher starts one process for each GPU."""
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import time; print(\"inner\"); time.sleep(60)'])"
    )
    child = python(code)
    until(child, b"inner\n")
    child.told(signal.SIGINT)
    assert b"KeyboardInterrupt" in all_of(child)
    assert 130 == child.status


def test_a_stopped_run_goes_on() -> None:
    """Ctrl-Z stops it with us, and fg lets it go on."""
    child = python("import time\nfor i in range(1000): print(i); time.sleep(0.05)")
    until(child, b"3\n")
    child.pause()
    time.sleep(0.3)
    while child.next(0.0):
        continue
    assert b"" == child.next(0.4)
    child.resume()
    assert child.next(5)
    child.told(signal.SIGKILL)
    all_of(child)


def test_a_command_that_closes_its_output_is_awaited() -> None:
    """The run is over when the process is."""
    child = python("import os, sys, time; os.close(1); os.close(2); time.sleep(0.8); os._exit(3)")
    began = time.monotonic()
    all_of(child)
    assert time.monotonic() - began > 0.5
    assert 3 == child.status


def test_a_process_that_is_left_behind_is_not_awaited() -> None:
    """A run may have started a TensorBoard that holds its output open for ever."""
    code = (
        "import subprocess, sys; print('started', subprocess.Popen("
        "[sys.executable, '-c', 'import time; time.sleep(30)']).pid)"
    )
    child = python(code)
    began = time.monotonic()
    found = all_of(child)
    assert time.monotonic() - began < 15
    assert 0 == child.status
    os.kill(int(found.split()[1]), signal.SIGKILL)


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
