"""Tracebacks as Rich draws them and as IPython shows them: the real programs print them here."""

from __future__ import annotations

import io
import types
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import reads
from stepscope.runs import Summary

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: 3/9 frames: 0\n"


class SolverDiverged(Exception):  # noqa: N818 - so do users
    """An exception whose name does not tell that it is one."""


def _raise(folder: Path) -> Exception:
    """Return an exception that a function of a file `runner.py` in a folder `rsl_rl` raised."""
    path = folder / "rsl_rl" / "runner.py"
    path.parent.mkdir()
    path.write_text("def learn(error):\n    raise error\n", encoding="utf-8")
    module = types.ModuleType("runner")
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)  # noqa: S102
    try:
        module.learn(SolverDiverged("residual 3.5"))
    except SolverDiverged as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_box_of_rich(tmp_path: Path, *, ascii_only: bool) -> None:
    """The exception below it is the failure; the frames tell library and place."""
    rich_console = pytest.importorskip("rich.console")
    from rich.traceback import Traceback  # noqa: PLC0415 - it may be missing

    error = _raise(tmp_path)
    file = io.StringIO()
    console = rich_console.Console(file=file, width=400, legacy_windows=False, safe_box=ascii_only)
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, width=400))
    text = file.getvalue()
    if ascii_only:
        text = text.translate(str.maketrans("╭╮╰╯─│❱", "++++-|>"))
    _check(text)
    _check(EPOCH + text, after=3)


def test_the_traceback_of_ipython(tmp_path: Path) -> None:
    """IPython names the exception first, and last."""
    ultratb = pytest.importorskip("IPython.core.ultratb")
    error = _raise(tmp_path)
    shown = ultratb.VerboseTB(**_plain(ultratb)).text(type(error), error, error.__traceback__)
    _check(f"{shown}\n")


def _plain(ultratb: types.ModuleType) -> dict[str, str]:
    parameters = ultratb.VerboseTB.__init__.__code__.co_varnames
    return {"theme_name": "nocolor"} if "theme_name" in parameters else {"color_scheme": "NoColor"}


IPYTHON = """---------------------------------------------------------------------------
SolverDiverged                            Traceback (most recent call last)
Cell In[5], line 2
      1 runner = make_runner(cfg)
----> 2 runner.learn(500)

File /home/user/rsl_rl/runner.py:2, in learn(error)
      1 def learn(error):
----> 2     raise error

SolverDiverged: residual 3.5
"""
OLD_IPYTHON = """---------------------------------------------------------------------------
SolverDiverged                            Traceback (most recent call last)
<ipython-input-5-0a1b2c3d4e5f> in <module>
      1 runner = make_runner(cfg)
----> 2 runner.learn(500)

/home/user/rsl_rl/runner.py in learn(error)
      1 def learn(error):
----> 2     raise error

SolverDiverged: residual 3.5
"""


@pytest.mark.parametrize("text", [IPYTHON, OLD_IPYTHON])
def test_tracebacks_in_notebooks(text: str) -> None:
    """As Jupyter shows them, now and before IPython 8."""
    [failure] = [record for record in reads(text) if record.kind == "failure"]
    assert ("rsl_rl", 1) == (failure.library, len([r for r in reads(text) if "Solver" in (r.text or "")]))
    summary = Summary("log")
    for record in reads(text):
        summary.add(record)
    [run] = summary.runs()
    assert run.failure is not None
    assert "SolverDiverged: residual 3.5" == run.failure.text


def _check(text: str, *, after: int | None = None) -> None:
    summary = Summary("log")
    records = list(summary.tee(reads(text)))
    [failure] = [record for record in records if record.kind == "failure"]
    assert failure.library == ("rl_games" if after else "rsl_rl")
    [run] = summary.runs()
    assert run.failure is not None
    assert "SolverDiverged: residual 3.5" == run.failure.text
    assert "rsl_rl/runner.py:2 in learn" in run.failure.where
    assert run.failure.place.after == after


def test_a_box_that_is_cut_off() -> None:
    """Its exception is missing."""
    text = "╭───── Traceback (most recent call last) ─────╮\n│ /home/user/rsl_rl/runner.py:2 in learn │\n"
    summary = Summary("log")
    for record in reads(text):
        summary.add(record)
    [run] = summary.runs()
    assert run.failure is not None
    assert "cut off" in run.failure.text
    assert run.failure.place.byte == 0
