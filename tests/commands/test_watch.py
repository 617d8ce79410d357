"""``stepscope watch``, run as people run it where there is no terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepscope._common.optional import install_command
from stepscope.cli import main
from stepscope.watch.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

_WATCH = [sys.executable, "-m", "stepscope", "watch"]


def test_once_shows_how_a_log_stands(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script gets one moment, without control codes, and 0."""
    assert 0 == main(["watch", "--once", str(log)])
    text = capsys.readouterr().out
    for part in ("iteration 40 of 40", "fps step", "RL-Games 1.6.0", "first failure", "RuntimeError: first"):
        assert part in text
    assert all(line.isprintable() and len(line) <= 80 for line in text.splitlines())


def test_once_reads_a_pipe_to_its_end(run: Run, epochs: str) -> None:
    """There is no other moment to show."""
    done = run("watch", "--once", "-", given=epochs.encode())
    assert (0, b"") == (done.returncode, done.stderr)
    assert "iteration 40 of 40" in done.stdout.decode()


def test_environments_turn_vector_steps_into_env_steps(recordings: Path, run: Run) -> None:
    """Skrl does not say how many there are; with their number its rate is one of env steps too."""
    path = str(recordings / "skrl/2.1.1/default.txt")
    assert "env steps" not in run("watch", "--once", path).stdout.decode()
    text = run("watch", "--once", "--num-envs", "64", path).stdout.decode()
    assert "24,576 env steps" in text
    assert "env steps/s" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there is nothing to watch; give a LOG, - for standard input, or a command after --."),
        (["--"], "there is nothing to watch; give a LOG, - for standard input, or a command after --."),
        (["a.log", "--", "python"], "a.log and a command after -- cannot both be watched; give one of them."),
        (
            ["--once", "--", "python"],
            "--once shows the current state of a LOG; leave it out to run a command.",
        ),
        (["--once", "--tee", "a.log"], "--once and --tee exclude each other; leave one of them out."),
        (["--once", "no.log"], "no.log does not exist; check the path, or give - to read standard input."),
        (["."], ". is a directory; give the file that holds the console output."),
        (
            ["--", "/no/such"],
            "/no/such cannot be started (No such file or directory); check the command after --.",
        ),
        (["--bogus", "a"], "unrecognized arguments: --bogus; see stepscope --help."),
        (["a", "b"], "unrecognized arguments: b; see stepscope --help."),
    ],
)
def test_what_cannot_work_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit status is 2."""
    assert 2 == main(["watch", *arguments])
    printed = capsys.readouterr()
    assert ("", f"stepscope: {sentence}\n") == (printed.out, printed.err)


def test_without_rich_it_says_what_to_install(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is an extra, since reading a log needs nothing."""
    monkeypatch.setitem(sys.modules, "rich", None)
    assert 2 == main(["watch", str(log)])
    assert (
        "stepscope: stepscope watch needs rich, which is not installed;"
        f" install it with {install_command('watch')}.\n" == capsys.readouterr().err
    )


@pytest.mark.parametrize(("given_text", "problem"), [(b"", "is empty"), (b"hello\n", "has no line that")])
def test_a_pipe_without_a_run_is_told_so(run: Run, given_text: bytes, problem: str) -> None:
    """As ``stepscope read`` does, with the same status."""
    done = run("watch", "-", given=given_text)
    assert 2 == done.returncode
    assert problem in done.stderr.decode()


def test_a_crash_before_anything_else_is_no_problem(run: Run, crash: str) -> None:
    """A run that cannot import its library prints nothing but a traceback, and that is what is shown."""
    done = run("watch", "-", given=crash.encode())
    assert (0, b"") == (done.returncode, done.stderr)
    assert "first failure before anything was reported: RuntimeError: first" in done.stdout.decode()


def test_lines_are_printed_where_there_is_no_terminal(run: Run, epochs: str, crash: str) -> None:
    """Plain ones, few, and the failure among them."""
    done = run("watch", "-", given=(epochs + crash).encode())
    lines = done.stdout.decode().splitlines()
    assert 0 == done.returncode
    assert lines[0].startswith("standard input: RL-Games 1.6.0")
    assert any(line.startswith("first failure after iteration 40/40: RuntimeError: first") for line in lines)
    assert lines[-1].startswith("failed: iteration 40 of 40, ")
    assert len(lines) < 8
    assert all(line.isprintable() for line in lines)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=2000) | st.sampled_from([b"\n", b"\r", b"\r\n", b"\x1b[2J", b"\0"]), max_size=20
    )
)
def test_tee_passes_every_byte(run: Run, pieces: list[bytes]) -> None:
    """Whatever is piped in comes out as it was, at standard output alone; the view goes elsewhere."""
    data = b"".join(pieces)
    assert data == run("watch", "-", "--tee", given=data).stdout


def test_tee_passes_megabytes(run: Run) -> None:
    """More than all buffers hold, without a line end anywhere, and with no end at the end."""
    data = os.urandom(1 << 20).replace(b"\n", b"").replace(b"\r", b"") * 3
    assert data == run("watch", "-", "--tee", given=data).stdout


def test_tee_passes_a_line_before_it_is_complete() -> None:
    """A question without a line end is seen when it is asked."""
    with subprocess.Popen(
        [*_WATCH, "-", "--tee"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"50% done")
        process.stdin.flush()
        assert b"50% done" == os.read(process.stdout.fileno(), 100)
        process.stdin.close()


@pytest.mark.parametrize("status", [0, 7])
def test_it_ends_as_the_command_ends(run: Run, status: int) -> None:
    """Without a terminal too."""
    done = run("watch", "--", sys.executable, "-c", f"raise SystemExit({status})")
    assert status == done.returncode


def test_a_killed_command_counts_as_in_a_shell(run: Run) -> None:
    """And the usual reason is said, since nobody else does."""
    done = run("watch", "--", "sh", "-c", "kill -9 $$")
    assert 128 + signal.SIGKILL == done.returncode
    assert "killed by SIGKILL (exit status 137)" in done.stdout.decode()
    assert "memory" in done.stdout.decode()


def test_options_of_the_command_are_its_own(run: Run) -> None:
    """What stands behind -- is left alone, another -- included."""
    code = "import sys; print(sys.argv[1:])"
    done = run("watch", "--tee", "--", sys.executable, "-c", code, "--tee", "--help", "--", "-x")
    assert b"['--tee', '--help', '--', '-x']\n" == done.stdout


def test_a_run_outlives_whoever_reads_about_it(tmp_path: Path) -> None:
    """A training that was started here is not ended because ``head`` has seen enough."""
    code = (
        "import pathlib, sys, time\n"
        "for i in range(30): print('fps', i, flush=True); time.sleep(0.05)\n"
        "pathlib.Path(sys.argv[1]).write_text('done')\n"
    )
    mark = tmp_path / "mark"
    with subprocess.Popen(
        [*_WATCH, "--tee", "--", sys.executable, "-c", code, str(mark)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"fps 0\n" == process.stdout.readline()
        process.stdout.close()
        assert 0 == process.wait(60)
    assert "done" == mark.read_text()


def test_a_run_outlives_a_fault_of_the_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hours of training are worth more than what is shown of them; the fault is raised when the run is over."""
    mark = tmp_path / "mark"
    code = (
        "import pathlib, sys, time\n"
        "for i in range(9): print('Started to train', flush=True); time.sleep(0.1)\n"
        "pathlib.Path(sys.argv[1]).write_text('done')\n"
    )

    def fail(_self: Monitor, _record: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Monitor, "add", fail)
    with pytest.raises(ZeroDivisionError):
        main(["watch", "--tee", "--", sys.executable, "-c", code, str(mark)])
    assert "done" == mark.read_text()
    assert 9 == capfd.readouterr().out.count("Started to train\n")


def test_a_log_is_followed_until_somebody_says_so(tmp_path: Path, epochs: str) -> None:
    """Like ``tail -f`` it ends with 130 after Ctrl-C, and its last words say how things stood."""
    path = tmp_path / "train.log"
    with subprocess.Popen([*_WATCH, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "waiting for the log, which does not exist yet\n" == process.stdout.readline()
        path.write_text(epochs, encoding="utf-8")
        while "iteration 40 of 40" not in (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert 130 == process.returncode
    assert rest.splitlines()[-1].startswith("finished: iteration 40 of 40")


def test_a_named_pipe_is_no_file_that_grows(tmp_path: Path, epochs: str) -> None:
    """It is read to its end, as standard input is."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with subprocess.Popen([*_WATCH, str(path)], stdout=subprocess.PIPE, text=True) as process:
        time.sleep(0.2)
        path.write_text(epochs, encoding="utf-8")
        assert process.stdout is not None
        text = process.stdout.read()
    assert 0 == process.returncode
    assert "iteration 40 of 40" in text


@pytest.mark.parametrize(
    "name", ["stepscope.commands.watch", "stepscope.watch.monitor", "stepscope.watch.source"]
)
def test_rich_is_imported_only_to_draw(name: str) -> None:
    """``stepscope read`` and the help work without it."""
    code = f"import sys, {name}; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()
