"""``stepscope read``, run as people run it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stepscope.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]


def test_a_table_names_the_scope_of_every_rate(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The header says what each rate covers and in which unit, and columns are aligned below it."""
    assert 0 == main(["read", str(log)])
    lines = capsys.readouterr().out.splitlines()
    for name in ("iteration", "env steps", "fps step", "fps rollout", "fps total"):
        assert name in lines[0]
    assert 3 == lines[1].count("env steps/s")
    assert len(lines[2]) == len(lines[3])
    assert ["1/40", "1,024", "9,001", "800", "70"] == lines[3].split()


def test_a_long_table_shows_its_ends(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five rows of each end are enough to see a run, and the line between says how to see all."""
    main(["read", str(log)])
    lines = capsys.readouterr().out.splitlines()
    assert "… 30 more; --all shows them" in lines
    assert [f"{epoch}/40" for epoch in (*range(1, 6), *range(36, 41))] == [
        line.split()[0] for line in lines if line.lstrip()[:1].isdigit() and "/40 " in line
    ]


@pytest.mark.parametrize(("rows", "shown"), [(13, 13), (14, 10)])
def test_a_few_rows_are_not_worth_leaving_out(
    tmp_path: Path, epochs: str, capsys: pytest.CaptureFixture[str], rows: int, shown: int
) -> None:
    """A line that says that three rows are missing would save two."""
    path = tmp_path / "train.log"
    path.write_text("".join(epochs.splitlines(keepends=True)[:rows]), encoding="utf-8")
    main(["read", str(path)])
    assert shown == capsys.readouterr().out.count("/40 ")


def test_all_rows_can_be_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left out when everything is asked for."""
    main(["read", str(log), "--all"])
    assert 40 == len([line for line in capsys.readouterr().out.splitlines() if "/40 " in line[:12]])


def test_the_summary_ends_with_what_went_wrong(
    log: Path, epochs: str, crash: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the table stand the library, the rates, the counts, what was not understood and why it failed."""
    main(["read", str(log)])
    text = capsys.readouterr().out
    start = len(f"Started to train\n{epochs}")
    for line in (
        "library           RL-Games 1.6.0 to 1.6.1",
        "iterations        40 of 40, then it failed",
        "  fps step         9,021  9,012\N{EN DASH}9,030        9,001  env steps/s",
        "records           40 iterations, 1 message, 1 failure, 1 unrecognised line",
        f"not recognised    1 line, at byte {start + len(crash) + 1:,}: odd",
        f"first failure     after iteration 40/40 (byte {start:,})",
        "                  RuntimeError: first",
    ):
        assert f"\n{line}\n" in text
    assert text.endswith("                  at a.py:1 in f\n")


def test_json_has_one_record_a_line(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every record is a line of strict JSON, and their spans cover the file."""
    main(["read", str(log), "--json"])
    records = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    spans = [record["span"] for record in records]
    assert [0, *(end for _, end in spans)] == [*(start for start, _ in spans), log.stat().st_size]


def test_several_logs_follow_each_other(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file has its name above and its own summary below."""
    empty = tmp_path / "empty.log"
    empty.touch()
    assert 2 == main(["read", str(empty), str(log)])
    streams = capsys.readouterr()
    lines = streams.out.splitlines()
    assert [str(empty), "", str(log)] == lines[:3]
    assert "                  at a.py:1 in f" == lines[-1]
    assert (
        f"stepscope: {empty} is empty; give the file that holds the console output of a run.\n" == streams.err
    )


def test_standard_input_can_be_read(run: Run, epochs: str) -> None:
    """A run can be piped into the command."""
    done = run("read", "-", "--json", given=epochs.encode())
    assert (0, 40) == (done.returncode, len(done.stdout.splitlines()))


def test_records_come_out_while_a_run_goes_on(epochs: str) -> None:
    """Whoever watches a pipe sees an iteration once the next thing is printed, not when the run ends."""
    command = [sys.executable, "-m", "stepscope", "read", "-", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(epochs.splitlines(keepends=True)[:2]).encode())
        process.stdin.flush()
        first = json.loads(process.stdout.readline())
        process.stdin.close()
        assert (1, None) == (first["iteration"], process.poll())


def test_num_envs_turns_vector_steps_into_environment_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar of skrl counts vector steps, and its table says so."""
    path = tmp_path / "skrl.log"
    path.write_text("\r 40%|####      | 64/160 [00:00<00:00, 570.95it/s]\n", encoding="utf-8")
    main(["read", str(path), "--num-envs", "32"])
    lines = capsys.readouterr().out.splitlines()
    assert ["64/160", "2,048", "570.95", "it/s", "0:00:00", "0:00:00"] == lines[3].split()
    assert lines[0].split()[:4] == ["vector", "step", "env", "steps"]


def test_a_log_of_no_library_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no training log is said to be none, and the exit status is 2."""
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n", encoding="utf-8")
    assert 2 == main(["read", str(path)])
    error = capsys.readouterr().err
    assert error.startswith(f"stepscope: {path} has no line that ")
    assert error.endswith(" prints (1 unrecognised line).\n")
    assert all(name in error for name in ("RL-Games", "RSL-RL", "Stable-Baselines3", "skrl"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_gets_a_sentence_of_its_own(
    tmp_path: Path, epochs: str, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    """What Windows PowerShell 5 wrote with > cannot be read as it is, and the sentence says how it can."""
    path = tmp_path / "train.log"
    path.write_bytes(f"\ufeff{epochs}".replace("\n", "\r\n").encode(encoding))
    assert 2 == main(["read", str(path)])
    error = capsys.readouterr().err
    assert error.startswith(f"stepscope: {path} looks like UTF-16")
    assert error.endswith("convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8.\n")


def test_other_bytes_are_not_taken_for_utf_16(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture is no log, and no text either."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00H\x00H\x00\x00\n")
    assert 2 == main(["read", str(path)])
    assert "UTF-16" not in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_gets_one_sentence(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Permissions are named as the reason."""
    log.chmod(0)
    assert 2 == main(["read", str(log)])
    assert "may not be read by you" in capsys.readouterr().err


def test_a_log_that_fails_half_way_gets_one_sentence(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that gives up while it is read is named with the log, not with the output."""

    class Broken(io.BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.open", lambda *_: Broken())
    assert 2 == main(["read", str(log)])
    expected = f"stepscope: {log} cannot be read (Input/output error); check the file and its disk.\n"
    assert expected == capsys.readouterr().err


def test_a_failure_can_be_checked_for(log: Path, recordings: Path) -> None:
    """The summary comes first; the exit status is for scripts."""
    good = str(recordings / "rsl_rl" / "5.5.1" / "default.txt")
    assert [0, 1, 0, 1] == [
        main(["read", str(log)]),
        main(["read", str(log), "--check"]),
        main(["read", good, "--check"]),
        main(["read", good, str(log), "--check", "--json"]),
    ]


def test_a_problem_comes_before_a_failure(log: Path, tmp_path: Path) -> None:
    """What is no log is bad input, whatever the other log says."""
    (tmp_path / "notes.txt").write_text("dear diary\n", encoding="utf-8")
    assert 2 == main(["read", str(log), str(tmp_path / "notes.txt"), "--check"])


@pytest.mark.parametrize("shape", [[], ["--json"], ["--csv"]])
def test_a_binary_file_gets_one_sentence(
    tmp_path: Path, shape: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Random bytes are read to their end, and are no log."""
    (tmp_path / "model.pt").write_bytes(np.random.default_rng(0).bytes(100_000))
    assert 2 == main(["read", str(tmp_path / "model.pt"), *shape])
    error = capsys.readouterr().err
    assert (True, 1) == ("model.pt has no line that " in error, error.count("\n"))


def test_one_run_of_several_can_be_read(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logs that were put together are several runs, and one of them can be taken out."""
    names = ("rl_games/1.6.5/default", "rsl_rl/5.5.1/default")
    both = tmp_path / "both.log"
    both.write_bytes(b"".join((recordings / f"{name}.txt").read_bytes() for name in names))
    main(["read", str(both), "--run", "2"])
    assert ("RSL-RL 5.0.0 or newer", "RL-Games" in capsys.readouterr().out) == (
        "RSL-RL 5.0.0 or newer",
        False,
    )


def test_a_run_that_is_not_there_is_said(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many there are is known when all were read."""
    assert 2 == main(["read", str(log), "--run", "7"])
    assert f"stepscope: {log} holds 1 run; give a K from 1 to 1.\n" == capsys.readouterr().err


def test_many_runs_are_a_table(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep that was put into one file has a row for each run."""
    names = ["rl_games/1.6.5/default", "rsl_rl/5.5.1/default", "rl_games/1.6.5/diverged", "sb3/2.9.2/default"]
    sweep = tmp_path / "sweep.log"
    sweep.write_bytes(b"".join((recordings / f"{name}.txt").read_bytes() for name in names))
    main(["read", str(sweep)])
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("run  library"))
    assert ["1", "2", "3", "4"] == [line.split()[0] for line in lines[start + 1 : start + 5]]
    assert "failed after iteration 1/12: RuntimeError: normal expects all elements" in lines[start + 3]


def test_colours_are_for_terminals_only(log: Path, run: Run) -> None:
    """A pipe gets none, and NO_COLOR keeps them from a terminal too."""
    assert b"\x1b" not in run("read", str(log)).stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_says_no(
    log: Path, environment: dict[str, str], *, coloured: bool
) -> None:
    """A failure is red, a label bold."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **environment}
    if environment.get("NO_COLOR") != "1":
        environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "stepscope", "read", str(log)], stdout=theirs, env=environment
    ):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal like this
            while part := os.read(ours, 1 << 16):
                shown += part
    os.close(ours)
    assert coloured == (b"\x1b[31mRuntimeError: first\x1b[0m" in shown)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
@pytest.mark.parametrize("export", ["--plot a.svg", "--plot a.png", "--plot a.html", "--tensorboard events"])
def test_a_disk_that_is_full_for_an_export_gets_one_sentence(
    recordings: Path, tmp_path: Path, export: str
) -> None:
    """A limit on the size of files stands in for the disk; the exit status is that of output that cannot be written."""
    log = recordings / "rsl_rl" / "5.5.1" / "default.txt"
    line = f"ulimit -f 0; '{sys.executable}' -m stepscope read '{log}' {export}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, cwd=tmp_path)
    sentence = "stepscope: the output cannot be written (File too large); write it elsewhere.\n"
    assert (1, sentence) == (done.returncode, done.stderr)


@pytest.mark.live
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_interruption_is_no_failure_of_the_run(tmp_path: Path) -> None:
    """A real training that Ctrl-C reaches was interrupted, and --check still says that it did not end well."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "stepscope.train",
        "rsl_rl",
        "--iterations",
        "100000",
        "--num-envs",
        "4",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path
    ) as training:
        assert training.stdout is not None
        printed = next(line for line in training.stdout if b"Learning iteration 2/" in line)
        training.send_signal(signal.SIGINT)
        rest = training.stdout.read()
    log = tmp_path / "train.log"
    log.write_bytes(printed + rest)
    done = subprocess.run(
        [sys.executable, "-m", "stepscope", "read", "--check", str(log)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert b"KeyboardInterrupt" in rest
    assert 1 == done.returncode
    assert ", then it was interrupted\n" in done.stdout
    assert "\ninterrupted       after iteration " in done.stdout
    assert "failure " not in done.stdout.replace("1 failure", "")
