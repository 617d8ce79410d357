"""Text that would control a terminal, through every command: only glyphs come out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="file names of Windows hold no control characters")

# Every control character that is no line end, what C1 and ESC begin, marks that turn or hide text, and half a character.
_CONTROLS = "".join(map(chr, (*range(0x0A), *range(0x0E, 0x20), *range(0x7F, 0xA0))))
_MARKS = "\u200b\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2069\u2028\u2029\ufeff\u00ad\U000e0041"
_HOSTILE = (
    f"{_CONTROLS}{_MARKS}\x1b[31m\x1b]0;title\x07\x9b2J\x9d0;title\x9c".encode() + b"\xc3\x9b"[:1] + b"end"
)
_LINES = (
    b"Using cpu device %b\n"
    b"x.py:1: UserWarning: \xc2\x9b 2J \xc2\x9d0;X\xc2\x9c %b\n"
    b"%b\n"
    b"W1124 10:00:00.000000 1 %b\n"
    b"[INFO]: Base environment:\n\t%b: 64\n"
    b"[INFO] <ActionManager> contains 1 active terms.\n+---+---+\n| %b | 3 |\n"
    b"Saving model %b to %b/a_8_steps.zip\n"
    b"=> saving checkpoint '%b.pth'\n"
)
_BLOCK = (
    b"################################################################################\n"
    b"                      Learning iteration %d/5 \n\n"
    b"                     Computation: 700 steps/s (collection: 0.5s, learning 0.25s)\n"
    b"                     Mean reward: 2.5\n"
    b"                     Episode/%b: 2.5\n"
    b"                     =%b: nan\n"
    b"                             ETA: 0:00:01\n\n"
)
_TABLE = (
    b"%b\n| time/ | |\n|    fps | %d |\n|    iterations | %d |\n|    total_timesteps | %d |\n| %b | 1 |\n%b\n"
)
_CRASH = b'Traceback (most recent call last):\n  File "%b/a.py", line 1, in %b\n    raise Error("%b")\nErr\xc2\x9bor: %b\n%b\n'


def _log() -> bytes:
    dashes = b"-" * 9
    return b"".join(
        (
            _LINES.replace(b"%b", _HOSTILE),
            *(_BLOCK.replace(b"%b", _HOSTILE).replace(b"%d", b"%d" % number) for number in range(4)),
            _TABLE.replace(b"%b", _HOSTILE, 5).replace(_HOSTILE, dashes, 1).replace(b"%d", b"7"),
            _CRASH.replace(b"%b", _HOSTILE),
        )
    )


@pytest.fixture
def log(tmp_path: Path) -> bytes:
    """Return the path of a hostile log, whose name is as hostile."""
    path = os.fsencode(tmp_path) + b"/\x1b]0;title\x07\xc2\x9b2J\r\n\xe2\x80\xae$x_1$\xff=1+1"
    with open(path, "wb") as file:  # noqa: PTH123 - bytes are no path
        file.write(_log())
    return path


def _check(printed: bytes) -> str:
    """Return what was printed, after checking that every character of it is a glyph, a space or a line end."""
    text = printed.decode()
    assert "" == "".join({char for char in text if char != "\n" and not char.isprintable()})
    assert not [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char != "\n"]
    return text


_COMMANDS = (
    ["read", "LOG"],
    ["read", "LOG", "--all"],
    ["read", "LOG", "LOG"],
    ["read", "LOG", "--json"],
    ["read", "LOG", "--csv"],
    ["read", "LOG", "LOG", "--csv"],
    ["read", "LOG", "--plot", "LOG.svg"],
    ["read", "LOG", "--plot", "LOG.html"],
    ["read", "LOG", "--tensorboard", "LOG.events"],
    ["compare", "LOG", "LOG"],
    ["watch", "--once", "LOG"],
    ["watch", "--", "cat", "LOG"],
    # What is wrong, with the name in the sentence.
    ["read", "LOG.none"],
    ["read", "LOG", "--run", "99"],
    ["read", "LOG", "--plot", "LOG.txt"],
    ["read", "LOG", "--plot", "LOG.none/a.svg"],
    ["read", "LOG", "--tensorboard", "LOG"],
    ["read", "LOG", "--LOG"],
    ["LOG"],
    ["compare", "LOG", "LOG.none"],
    ["watch", "--once", "LOG.none"],
    ["watch", "LOG", "--", "LOG"],
    ["watch", "--", "LOG.none"],
    ["fit", "LOG"],
    ["fit", "--budget", "LOG", "a:b"],
    ["bottleneck", "LOG"],
    ["memory", "LOG"],
    ["replay", "LOG.none"],
)


@pytest.mark.parametrize("arguments", _COMMANDS, ids=" ".join)
def test_only_glyphs_are_printed(log: bytes, run: Run, arguments: list[str]) -> None:
    """Whatever is in a log, in its name or in an argument."""
    done = run(*(os.fsdecode(argument.encode().replace(b"LOG", log)) for argument in arguments))
    said = _check(done.stdout) + _check(done.stderr)
    assert b"Traceback" not in done.stderr
    assert said


@pytest.mark.parametrize("arguments", [["watch", "-"], ["read", "-"]])
def test_only_glyphs_come_of_a_pipe(run: Run, arguments: list[str]) -> None:
    """The plain lines of ``watch``, too."""
    done = run(*arguments, given=_log())
    assert "UserWarning" in _check(done.stdout)
    assert b"" == done.stderr


def test_a_log_that_is_followed_prints_only_glyphs(log: bytes) -> None:
    """Until somebody has seen enough."""
    command = [sys.executable, "-m", "stepscope", "watch", log]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] and not lines[-1].startswith(b"first failure"):
            lines.append(process.stdout.readline())
        process.terminate()
        rest, errors = process.communicate()
    _check(b"".join([*lines, rest, errors]))


def test_only_glyphs_are_in_a_page(log: bytes, run: Run) -> None:
    """The name is its title, and the summary stands in it."""
    run("read", os.fsdecode(log), "--plot", os.fsdecode(log) + ".html")
    with open(log + b".html", "rb") as file:  # noqa: PTH123 - bytes are no path
        text = _check(file.read())
    assert "UserWarning" in text


def test_a_record_holds_nothing_else(log: bytes, run: Run) -> None:
    """Whoever prints a text or a label of one need not look at it."""
    for line in run("read", os.fsdecode(log), "--json").stdout.splitlines():
        record = json.loads(line)
        for text in (record["text"] or "", *record["metrics"]):
            _check(text.encode())
