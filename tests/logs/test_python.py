"""Tracebacks and warnings, printed by Python."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stepscope.logs import reads

_RECORDINGS = Path(__file__).parents[2] / "recordings"


def _crash(program: str) -> str:
    """Return what Python prints when `program` fails."""
    source = textwrap.dedent(program)
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    return run.stderr


_CRASHES = {
    "plain": "def f():\n    raise ValueError('bad value')\nf()",
    "no message": "raise KeyboardInterrupt",
    "several lines": "raise RuntimeError('CUDA error: out of memory\\nCompile with it\\n  to see more')",
    "cause": "try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('no a') from e",
    "context": "try:\n    {}['a']\nexcept KeyError:\n    raise RuntimeError('no a')",
    "three": "try:\n    try:\n        1 / 0\n    except Exception:\n        {}['a']\nexcept Exception:\n    raise OSError('x')",
    "recursion": "def f():\n    f()\nf()",
    "group": "raise ExceptionGroup('two', [ValueError('a'), TypeError('b')])",
    "notes": "e = ValueError('a')\ne.add_note('while stepping env 7')\nraise e",
    "syntax": "exec('1 +')",
    "blank line, then a matrix": "raise ValueError('found:\\ntensor([[[1.]],\\n\\n        [[2.]]])')",
}


@pytest.mark.parametrize("name", _CRASHES)
def test_a_traceback_is_one_failure(name: str) -> None:
    """From the first frame to the end of the message, what led to it included."""
    text = _crash(_CRASHES[name])
    [failure] = reads(text)
    assert ("failure", text.strip()) == (failure.kind, (failure.text or "").strip())


_INTERRUPTED = """Traceback (most recent call last):
  File "train.py", line 8, in <module>
    latent = self.obs_normalizer(latent)
             ^^^^^^^^^^^^^^^^^^^
  File "torch/nn/modules/module.py", line 1954, in __getattr__
    def __getattr__(self, name: str) -> Union[Tensor, "Module"]:

KeyboardInterrupt
"""


def test_an_empty_line_of_marks_does_not_end_a_traceback() -> None:
    """Python 3.11 prints one where Ctrl-C meets the first line of a function; what it was still counts."""
    [failure] = reads(_INTERRUPTED)
    assert ("failure", _INTERRUPTED.strip()) == (failure.kind, failure.text)


@pytest.mark.parametrize("after", ["Started to train\n", "Error_count: 3\n", "\nValueError: x\n"])
def test_a_traceback_that_was_cut_off_takes_nothing_else(after: str) -> None:
    """Only the name of an exception may follow an empty line, and only one such line."""
    cut = _INTERRUPTED.removesuffix("KeyboardInterrupt\n") + after
    failure, *_ = reads(cut)
    assert ("failure", cut.removesuffix(after).strip()) == (failure.kind, (failure.text or "").strip())


@pytest.mark.parametrize("name", ["plain", "cause", "three"])
def test_a_rank_before_each_line_does_not_matter(name: str) -> None:
    """PyTorch puts its rank before each line of a worker's traceback."""
    text = textwrap.indent(_crash(_CRASHES[name]), "[rank1]: ", lambda _: True)
    [failure] = reads(text)
    assert "failure" == failure.kind


def test_what_a_library_prints_afterwards_is_its_own() -> None:
    """Half-written output is flushed when the process ends, after the traceback."""
    text = _crash(_CRASHES["plain"]) + "Started to train\n"
    assert ["failure", "message"] == [record.kind for record in reads(text)]


def test_two_tracebacks_are_two_failures() -> None:
    """Two processes that fail one after the other do not become one."""
    text = _crash(_CRASHES["plain"])
    assert ["failure", "failure"] == [record.kind for record in reads(text + text)]


def test_a_failure_belongs_to_the_library_that_ran() -> None:
    """A traceback names no library, but the lines above it did."""
    text = "Using cpu device\n" + _crash(_CRASHES["plain"])
    assert [("sb3", "message"), ("sb3", "failure")] == [
        (record.library, record.kind) for record in reads(text)
    ]


def test_what_python_could_not_raise_is_one_failure() -> None:
    """An exception in a destructor or a thread has a line above its traceback."""
    text = _crash(
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()\nraise SystemExit(1)"
    )
    [failure] = reads(text)
    assert (True, True) == (text.startswith("Exception in thread"), failure.text == text.strip())


def test_a_warning_is_a_message_with_its_source_line() -> None:
    """A warning of any package is not what the run failed of, nor unrecognised."""
    text = _crash(
        "import warnings\nwarnings.warn_explicit('odd', UserWarning, 'a/b.py', 7)\nraise SystemExit(1)"
    )
    [warning] = reads(text + "  warnings.warn(\n")
    assert ("message", f"{text}  warnings.warn(") == (warning.kind, warning.text)


def test_a_very_long_traceback_keeps_both_ends() -> None:
    """The text of a failure is bounded, and its last line is there."""
    frames = '  File "a.py", line 1, in f\n    f()\n' * 20_000
    [failure] = reads(f"Traceback (most recent call last):\n{frames}ValueError: the end\n")
    assert failure.text is not None
    assert len(failure.text) < 100_000
    assert failure.text.startswith("Traceback")
    assert failure.text.endswith("\nValueError: the end")


@pytest.mark.parametrize("folder", ["torch/", ".venv/lib/python3.11/site-packages/torch/"])
def test_what_pytorch_logs_is_a_message(folder: str) -> None:
    """It names its files from the first folder on Python's path, which may be that of the project."""
    text = (_RECORDINGS / "rl_games/1.6.5/ranks_diverged.txt").read_text(encoding="utf-8")
    logged = [line for line in text.splitlines(keepends=True) if line.startswith(("W1", "E1"))]
    messages = reads("".join(logged).replace(" torch/", f" {folder}"))

    assert ["message"] * len(logged) == [record.kind for record in messages]
    assert logged
