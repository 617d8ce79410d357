"""The view on a whole terminal: real terminals, real runs, real signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Epochs = Callable[..., str]
    Watch = Callable[..., Any]

_PRINTER = """
import os, sys, time
watcher = os.getppid()
for line in open(sys.argv[1], "rb"):
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until and os.getppid() == watcher:  # it does not outlive its test
    time.sleep(0.1)
sys.exit(int(sys.argv[3]))
"""


@pytest.fixture
def printing(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that returns a command that prints a text, sleeps and ends."""

    def command(text: str, *, sleep: float = 0.0, status: int = 0) -> list[str]:
        path = tmp_path / "text"
        path.write_text(text, encoding="utf-8")
        return ["--", sys.executable, "-c", _PRINTER, str(path), str(sleep), str(status)]

    return command


@pytest.mark.live
@pytest.mark.parametrize(
    ("library", "scope"),
    [("rsl_rl", "fps total"), ("rl_games", "fps step"), ("skrl", "bar's rate"), ("sb3", "fps cumulative")],
)
def test_a_real_run_is_watched_to_its_end(watch: Watch, tmp_path: Path, library: str, scope: str) -> None:
    """Each library trains under the view; the last moment stays on the first screen, and the status is the run's."""
    command = [sys.executable, "-m", "stepscope.train", library, "--num-envs", "64", "--iterations", "5"]
    terminal = watch("--", *command, "--log-dir", str(tmp_path))
    first = terminal.wait_for("stepscope watch", "starting")
    assert (True, False) == (first.is_second, first.cursor_is_shown)
    assert 0 == terminal.status()
    assert not terminal.glass.is_second
    assert terminal.glass.cursor_is_shown
    unit = "vector step 160 of 160" if library == "skrl" else "iteration 5"
    for text in ("finished", unit, scope, "steps/s"):
        assert text in terminal.text


@pytest.mark.live
def test_a_run_that_diverges_is_watched_to_its_end(watch: Watch, tmp_path: Path) -> None:
    """The exception stays on the screen, and the exit status is that of Python."""
    command = [sys.executable, "-m", "stepscope.train", "rl_games", "--num-envs", "64", "--iterations", "9"]
    terminal = watch("--", *command, "--learning-rate", "1e30", "--log-dir", str(tmp_path), lines=40)
    assert 1 == terminal.status()
    for text in ("exit status 1", "┃ first failure after iteration 1/9", "┃ RuntimeError: normal expects"):
        assert text in terminal.text


def test_the_latest_iteration_is_shown_without_waiting_for_the_next(
    watch: Watch, printing: Callable[..., list[str]], recordings: Path
) -> None:
    """Where an iteration takes minutes, a view that is one behind would be useless."""
    text = (recordings / "rsl_rl/5.5.1/default.txt").read_text(encoding="utf-8")
    half = text[: text.index("Learning iteration 6/12")].rpartition("####")[0].rstrip("#\n") + "\n\n"
    terminal = watch(*printing(half, sleep=600))
    terminal.wait_for("iteration 6 of 12")


def test_a_crash_at_the_end_of_a_log_is_shown(watch: Watch, tmp_path: Path, epochs: Epochs) -> None:
    """Nothing comes after it that would show that it is complete."""
    log = tmp_path / "train.log"
    log.write_text(
        epochs(1, 3) + 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: bad\n',
        encoding="utf-8",
    )
    watch(str(log)).wait_for(
        "failed", "first failure after iteration 3/40", "ValueError: bad", "at a.py:1 in f"
    )


def test_a_log_grows_while_it_is_watched(watch: Watch, tmp_path: Path, epochs: Epochs) -> None:
    """It is waited for, read, rotated, and read on; Ctrl-C ends the watching as it ends tail."""
    log = tmp_path / "train.log"
    terminal = watch(str(log))
    terminal.wait_for("waiting for", "does not exist yet", "·   ·   ·")
    log.write_text(epochs(1, 5), encoding="utf-8")
    terminal.wait_for("iteration 5 of 40", "RL-Games")
    log.rename(tmp_path / "train.log.1")
    log.write_text(epochs(6, 9), encoding="utf-8")
    terminal.wait_for("iteration 9 of 40", "replaced by a new file")
    os.truncate(log, 0)
    with log.open("a", encoding="utf-8") as writer:
        writer.write(epochs(10, 12))
    terminal.wait_for("iteration 12 of 40", "was emptied")
    terminal.type(b"\x03")
    assert 130 == terminal.status()
    assert "iteration 12 of 40" in terminal.text


def test_a_half_written_line_waits_for_its_end(watch: Watch, tmp_path: Path, epochs: Epochs) -> None:
    """``epoch: 1`` may become ``epoch: 12``."""
    log = tmp_path / "train.log"
    whole = epochs(12, 12, planned=400)
    log.write_text(epochs(11, 11, planned=400) + whole[:-16], encoding="utf-8")
    terminal = watch(str(log))
    terminal.wait_for("iteration 11 of 400")
    time.sleep(1)
    assert "iteration 11 of 400" in terminal.text
    with log.open("a", encoding="utf-8") as writer:
        writer.write(whole[-16:])
    terminal.wait_for("iteration 12 of 400")


def test_the_view_follows_the_size_of_the_terminal(watch: Watch, tmp_path: Path, recordings: Path) -> None:
    """After SIGWINCH the view fills the new size, and no row of it is wrapped or left over."""
    log = tmp_path / "train.log"
    log.write_bytes((recordings / "rsl_rl/5.5.1/default.txt").read_bytes())
    terminal = watch(str(log), columns=80, lines=24)
    terminal.wait_for("iteration 12 of 12", "100.0%")
    for columns, lines in ((50, 20), (120, 40), (30, 8), (80, 24)):
        terminal.resize(columns, lines)
        terminal.wait_for("iteration 12 of 12", until=lambda moment, columns=columns: _fills(moment, columns))
    assert [] == terminal.glass.gone


def _fills(moment: Any, columns: int) -> bool:  # noqa: ANN401 - a Moment
    """Say whether the view is as wide as the terminal, and nothing of it is there twice."""
    rows = moment.rows
    return (
        sum("iteration 12 of 12" in row for row in rows) == 1
        and (rows[0].endswith("ago") or "finished" in rows[0])
        and [columns - 1] == [len(row) for row in rows if "100.0%" in row]
    )


def test_ctrl_c_reaches_the_run_once(watch: Watch) -> None:
    """The run may take its time to save; it is awaited, and its own exit status counts."""
    code = (
        "import time\n"
        "try:\n    print('ready'); time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('saving'); time.sleep(1.5); print('saved'); raise SystemExit(5)\n"
    )
    patient = "from stepscope.watch import child; child._PATIENCE = 600.0"  # a hurry may take long here
    terminal = watch("--", sys.executable, "-c", code, before=patient)
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    terminal.wait_for("interrupted; waiting for the run to end", "saving")
    terminal.type(b"\x03")
    assert 5 == terminal.status()
    assert "saved" in terminal.text
    assert "interrupted (exit status 5)" in terminal.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_view_leaves_the_terminal_as_it_was(watch: Watch, tmp_path: Path, number: int) -> None:
    """Whoever ends it gets a cursor and the first screen back."""
    terminal = watch(str(tmp_path / "train.log"))
    terminal.wait_for("waiting for")
    os.kill(terminal.pid, number)
    assert 128 + number == terminal.status()
    assert not terminal.glass.is_second
    assert terminal.glass.cursor_is_shown


def test_ctrl_z_stops_it_and_fg_brings_it_back(shell: Watch, tmp_path: Path) -> None:
    """While it is stopped, the terminal belongs to the shell."""
    line = f"set -m; $WATCH {tmp_path}/train.log; echo stopped; read answer; fg > /dev/null; echo over"
    terminal = shell(line)
    terminal.wait_for("waiting for")
    terminal.type(b"\x1a")
    terminal.wait_for("stopped")
    assert not terminal.glass.is_second
    assert terminal.glass.cursor_is_shown
    terminal.type(b"\n")
    terminal.wait_for("waiting for")
    assert terminal.glass.is_second
    terminal.type(b"\x03")
    terminal.wait_for("over")


def test_without_colours_there_are_none(watch: Watch, tmp_path: Path, recordings: Path) -> None:
    """NO_COLOR has its say; bold and dim text is no colour."""
    log = tmp_path / "train.log"
    log.write_bytes((recordings / "rl_games/1.6.5/diverged.txt").read_bytes())
    codes = {}
    for variables in ({}, {"NO_COLOR": "1"}):
        terminal = watch(str(log), environment=variables)
        terminal.wait_for("first failure")
        codes[bool(variables)] = terminal.raw
    assert b"38;" in codes[False]
    assert not any(code in codes[True] for code in (b"38;", b"[31", b"[33", b";31", b";33"))


def test_a_dumb_terminal_gets_lines(watch: Watch, tmp_path: Path, epochs: Epochs) -> None:
    """It could not draw."""
    log = tmp_path / "train.log"
    log.write_text(epochs(1, 5), encoding="utf-8")
    terminal = watch(str(log), environment={"TERM": "dumb"})
    terminal.wait_for("iteration 5 of 40")
    assert b"\x1b" not in terminal.raw


def test_thousands_of_warnings_are_one_line(
    watch: Watch, printing: Callable[..., list[str]], epochs: Epochs
) -> None:
    """A simulator that overflows prints them in every step; the rest of the view stays where it is."""
    overflows = "".join(f"nefc overflow - please increase njmax to {size}\n" for size in range(20_000))
    terminal = watch(*printing(epochs(1, 3) + overflows, sleep=1))
    assert 0 == terminal.status()
    assert "20,000 × nefc overflow - please increase njmax to 0…19999" in terminal.text  # noqa: RUF001
    assert 1 == terminal.text.count("nefc overflow") - terminal.text.count("latest lines    nefc")
    assert [] == terminal.glass.gone


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="measures processor time in /proc")  # noqa: PTH110 - one call
def test_an_idle_view_takes_little(watch: Watch, tmp_path: Path, cpu_seconds: Callable[[int], float]) -> None:
    """It stays open for days: below two percent of a core, at the size of a large window.

    It takes a tenth of that, and processor time hardly depends on what else runs.
    """
    log = tmp_path / "train.log"
    log.write_text("Started to train\n", encoding="utf-8")
    terminal = watch(str(log), columns=120, lines=40)
    terminal.wait_for("Started to train")
    time.sleep(1)
    before, began = cpu_seconds(terminal.pid), time.monotonic()
    time.sleep(4)
    assert (cpu_seconds(terminal.pid) - before) / (time.monotonic() - began) < 0.02
