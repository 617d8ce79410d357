"""Plain lines, where there is no terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs import reads
from stepscope.watch.monitor import Monitor
from stepscope.watch.screen import PlainLines, summary_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Epochs = Callable[..., str]
    MonitorOf = Callable[..., Monitor]


def printed(monitor: Monitor, plain: PlainLines, *, now: float) -> list[str]:
    """Return the lines that are printed at a time."""
    return list(plain.lines(monitor.snapshot(now=now, wall=1e9), now=now))


def test_a_line_says_how_far_and_how_fast(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """Each rate comes with its scope, and the time left at the end."""
    monitor = monitor_of(epochs(1, 10), step=2.0)
    line = summary_line(monitor.snapshot(now=118.0, wall=1e9))
    assert line.startswith("iteration 10 of 40, ")
    assert ", total 70 env steps/s, " in line
    assert line.endswith(", 1 min left")


def test_lines_come_now_and_then(epochs: Epochs) -> None:
    """A hundred iterations a second are one line every five seconds, and no line where nothing changed."""
    monitor, plain = Monitor("train.log"), PlainLines()
    lines = 0
    for second in range(60):
        now = 100.0 + second
        if second < 30:
            monitor.note_output(at=now, live=True)
            for record in reads(epochs(10 * second + 1, 10 * second + 10, planned=1000)):
                monitor.add(record)
        lines += sum(line.startswith("iteration") for line in printed(monitor, plain, now=now))
    assert 6 <= lines <= 7


def test_what_is_remarkable_comes_at_once_and_once(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """A thousand overflows are one line; the failure is another; at the end they are counted."""
    crash = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: first\n'
    overflows = "".join(f"nefc overflow - please increase njmax to {size}\n" for size in range(1000))
    monitor = monitor_of(epochs(1, 3) + overflows + crash)
    plain = PlainLines()
    first = printed(monitor, plain, now=101.0)
    assert 1 == sum(line.startswith("warning: nefc overflow") for line in first)
    assert ["first failure after iteration 3/40: RuntimeError: first, at a.py:1 in f"] == first[-1:]
    assert [] == printed(monitor, plain, now=102.0)
    last = list(plain.final_lines(monitor.snapshot(now=103.0, wall=1e9)))
    assert "1,000 times: nefc overflow - please increase njmax to 0…999" in last


def test_silence_is_said_once(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """With its usual cause; and again only after the run went on."""
    monitor, plain = monitor_of(epochs(1, 10), step=1.0), PlainLines()
    printed(monitor, plain, now=110.0)
    [line] = printed(monitor, plain, now=200.0)
    assert line.startswith("silent for 1 min 31 s (")
    assert "PYTHONUNBUFFERED=1" in line
    assert [] == printed(monitor, plain, now=300.0)


def test_a_command_that_fails_without_a_traceback_says_why(monitor_of: MonitorOf) -> None:
    """Its last lines are shown: there is no other place where they would be."""
    monitor = monitor_of("usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --bogus\n")
    monitor.end(at=101.0, status="exit status 2", phase="failed")
    last = list(PlainLines().final_lines(monitor.snapshot(now=101.0, wall=1e9)))
    assert "train.py: error: unrecognized arguments: --bogus" in last
    assert last[-1].startswith("exit status 2: ")


def test_there_are_no_control_codes(recordings: Path, monitor_of: MonitorOf) -> None:
    """The lines go into files."""
    for path in sorted(recordings.glob("*/*/*.txt"))[::7]:
        monitor, plain = monitor_of(path.read_bytes()), PlainLines()
        shown = monitor.snapshot(now=101.0, wall=1e9)
        assert all(line.isprintable() for line in (*plain.lines(shown, now=101.0), *plain.final_lines(shown)))
