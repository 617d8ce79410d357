"""The command ``stepscope``, run as people run it."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope import __version__
from stepscope._arguments import MOST, positive_integer
from stepscope.cli import main

_EPOCHS = "".join(
    f"fps step: {9000 + epoch} fps step and policy inference: 800 fps total: 70 epoch: {epoch}/40 frames: {epoch * 1024}\n"
    for epoch in range(1, 41)
)
_CRASH = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: first\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the path of a log of forty epochs that ended badly."""
    path = tmp_path / "train.log"
    path.write_text(f"Started to train\n{_EPOCHS}{_CRASH}\nodd\n", encoding="utf-8")
    return path


def _run(
    *arguments: str, given: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "stepscope", *arguments]
    return subprocess.run(
        command, input=given, capture_output=True, check=False, env={**os.environ, **environment}
    )


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
    """Eight rows of each end are enough to see a run, and the line between says how to see all."""
    main(["read", str(log)])
    lines = capsys.readouterr().out.splitlines()
    assert "… 24 more; --all shows them" in lines
    assert [f"{epoch}/40" for epoch in (*range(1, 9), *range(33, 41))] == [
        line.split()[0] for line in lines if "/40" in line and not line.startswith("First")
    ]


def test_all_rows_can_be_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left out when everything is asked for."""
    main(["read", str(log), "--all"])
    assert 40 == len([line for line in capsys.readouterr().out.splitlines() if "/40 " in line[:12]])


def test_the_summary_counts_and_shows_the_first_failure(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the table stand the library, the counts, why it failed and what was not understood."""
    main(["read", str(log)])
    end = capsys.readouterr().out.splitlines()[-4:]
    start = len(f"Started to train\n{_EPOCHS}")
    assert [
        "RL-Games: 40 iterations, 1 message, 1 failure, 1 unrecognised line.",
        f"First failure, after iteration 40/40 (byte {start:,}):",
        "  RuntimeError: first",
        f"First unrecognised line, at byte {start + len(_CRASH) + 1:,}: odd",
    ] == end


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
    assert lines[-1].startswith("First unrecognised line")
    assert (
        f"stepscope: {empty} is empty; give the file that holds the console output of a run.\n" == streams.err
    )


def test_standard_input_can_be_read() -> None:
    """A run can be piped into the command."""
    run = _run("read", "-", "--json", given=_EPOCHS.encode())
    assert (0, 40) == (run.returncode, len(run.stdout.splitlines()))


def test_records_come_out_while_a_run_goes_on() -> None:
    """Whoever watches a pipe sees an iteration once the next thing is printed, not when the run ends."""
    command = [sys.executable, "-m", "stepscope", "read", "-", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(_EPOCHS.splitlines(keepends=True)[:2]).encode())
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
    sentence = "has no line that RL-Games, RSL-RL, Stable-Baselines3 or skrl prints (1 unrecognised line)."
    assert f"stepscope: {path} {sentence}\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["read", "nowhere.log"], "stepscope: nowhere.log does not exist; check the path"),
        (["read", "."], "stepscope: . is a folder; give the file"),
        (["read"], "stepscope: the following arguments are required: LOG; stepscope read --help shows"),
        (["read", "x", "--jsno"], "stepscope: unrecognized arguments: --jsno; stepscope --help shows"),
        (
            ["read", "x", "--num-envs", "0"],
            "stepscope: argument --num-envs: '0' is not a whole number of at least 1",
        ),
        (
            ["read", "x", "--num-envs", "9" * 400],
            f"stepscope: argument --num-envs: '{'9' * 40}…' is more than 1,000,000,000; ",
        ),
        (["read", "x", "--num-envs", "9" * 9999], "stepscope: argument --num-envs: '999"),
        (["read", "x", "--json", "--all"], "stepscope: argument --all: not allowed with argument --json"),
        (["raed", "x"], "stepscope: argument COMMAND: invalid choice: 'raed'"),
    ],
)
def test_bad_input_gets_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what was wrong and what to do, on standard error, and the exit status is 2."""
    assert 2 == main(arguments)
    streams = capsys.readouterr()
    assert ("", 1, True) == (streams.out, streams.err.count("\n"), streams.err.startswith(sentence))


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "many", "", str(MOST + 1), "9" * 400, "9" * 9999])
def test_a_number_that_cannot_be_is_refused(text: str) -> None:
    """One and a billion are taken; the reason against any other stays short, however long the number is."""
    assert [1, MOST] == [positive_integer("1"), positive_integer(str(MOST))]
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        positive_integer(text)
    assert len(str(caught.value)) < 100


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_gets_one_sentence(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Permissions are named as the reason."""
    log.chmod(0)
    assert 2 == main(["read", str(log)])
    assert "may not be read by you" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_may_leave(log: Path) -> None:
    """``stepscope read LOG --json | head -1`` ends quietly."""
    log.write_text(_EPOCHS * 100, encoding="utf-8")
    command = [sys.executable, "-m", "stepscope", "read", str(log), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"" == process.stderr.read()
    assert process.returncode == 0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_gets_a_sentence_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    """What Windows PowerShell 5 wrote with > cannot be read as it is, and the sentence says how it can."""
    path = tmp_path / "train.log"
    path.write_bytes(f"\ufeff{_EPOCHS}".replace("\n", "\r\n").encode(encoding))
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("arguments", [["read", "LOG"], ["read", "LOG", "--json"], ["--help"], ["--version"]])
def test_a_full_disk_is_not_blamed_on_the_log(log: Path, arguments: list[str]) -> None:
    """Output that cannot be written gets its own sentence, and the exit status is 1."""
    command = [sys.executable, "-m", "stepscope", *(str(log) if a == "LOG" else a for a in arguments)]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": ""},  # argparse passes over what it cannot write at once
        )
    sentence = "the output cannot be written (No space left on device); write it elsewhere."
    assert (1, f"stepscope: {sentence}\n") == (run.returncode, run.stderr)


@pytest.mark.skipif(os.name == "nt", reason="the shell of Windows closes no streams")
@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (
            "read - <&-",
            2,
            "standard input is closed; pipe a log into it, or give the path of a file.",
        ),
        ("read LOG >&-", 1, "standard output is closed; leave it open or send it to a file."),
        ("--help >&-", 1, "standard output is closed; leave it open or send it to a file."),
        ("read nowhere.log 2>&-", 2, None),
    ],
)
def test_a_closed_stream_gets_one_sentence(
    log: Path, arguments: str, status: int, sentence: str | None
) -> None:
    """A service may start the command without one of its streams."""
    line = f"'{sys.executable}' -m stepscope {arguments.replace('LOG', str(log))}"
    run = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    expected = "" if sentence is None else f"stepscope: {sentence}\n"
    assert (status, "", expected) == (run.returncode, run.stdout, run.stderr)


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


def test_a_console_without_unicode_is_no_failure(log: Path) -> None:
    """An old console shows question marks in place of lines and dots, not a traceback."""
    run = _run("read", str(log), PYTHONIOENCODING="ascii")
    assert (0, b"") == (run.returncode, run.stderr)


def test_no_command_prints_the_help() -> None:
    """Whoever types the bare name learns what there is."""
    run = _run()
    assert (0, True) == (run.returncode, b"read" in run.stdout)


def test_the_version_can_be_asked_for() -> None:
    """A bug report can say which version it is about."""
    assert f"stepscope {__version__}" == _run("--version").stdout.decode().strip()


def test_the_command_does_without_torch() -> None:
    """The command answers at once and where no torch is installed."""
    program = "import sys, stepscope.cli; print(any(name in sys.modules for name in ('torch', 'numpy')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == run.stdout.strip()
