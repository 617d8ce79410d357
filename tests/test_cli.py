"""The command ``stepscope``, run as people run it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope import __version__
from stepscope._common.arguments import MOST, positive_integer
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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["read", "nowhere.log"], "stepscope: nowhere.log does not exist; check the path"),
        (["read", "."], "stepscope: . is a directory; give the file"),
        (["read"], "stepscope: the following arguments are required: LOG; see stepscope read --help"),
        (["read", "x", "--jsno"], "stepscope: unrecognized arguments: --jsno; see stepscope --help"),
        (
            ["read", "x", "--num-envs", "0"],
            "stepscope: argument --num-envs: '0' is not a positive integer",
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


def test_a_console_without_unicode_is_no_failure(log: Path) -> None:
    """An old console shows question marks in place of lines and dots, not a traceback."""
    run = _run("read", str(log), PYTHONIOENCODING="ascii")
    assert (0, b"") == (run.returncode, run.stderr)


def test_no_command_prints_the_help() -> None:
    """Whoever types the bare name learns what there is."""
    run = _run()
    assert (0, True) == (run.returncode, b"read" in run.stdout)


def test_bound_is_a_hidden_alias_of_bottleneck() -> None:
    """The former name prints the same, and no help lists it."""
    assert _run("bottleneck", "--help").stdout == _run("bound", "--help").stdout
    assert b"stepscope bottleneck [-h]" in _run("bound", "--help").stdout
    assert b"bound" not in _run("--help").stdout


def test_the_version_can_be_asked_for() -> None:
    """A bug report can say which version it is about."""
    assert f"stepscope {__version__}" == _run("--version").stdout.decode().strip()


def test_the_command_does_without_torch() -> None:
    """The command answers at once and where no torch is installed."""
    program = "import sys, stepscope.cli; print(any(name in sys.modules for name in ('torch', 'numpy')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == run.stdout.strip()
