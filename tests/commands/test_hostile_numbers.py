"""Numbers that no run prints, through every command: they are bounded before they are used."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from stepscope.cli import main
from stepscope.logs import reads

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

_NUMBERS = (
    *("0", "-0", "1", "7.5", "-9", "nan", "inf", "-inf", "1e18", "1e38", "1e300", "1e308", "1e309", "1e-320"),
    *(
        str(10**18 - 1),
        str(2**53 + 1),
        str(2**63),
        str(2**64),
        "9" * 30,
        "9" * 400,
        "-1e308",
        "1e15",
        "3.4e38",
    ),
)
_EPOCH = "fps step: {} fps step and policy inference: {} fps total: {} epoch: {}/{} frames: {}/{}\n"
_BLOCK = (
    "################################################################################\n   Learning iteration {}/{}\n\n"
    "   Computation: {} steps/s (collection: {}s, learning {}s)\n   Mean reward: {}\n   Mean episode length: {}\n"
    "   Total timesteps: {}\n   Iteration time: {}s\n   Total time: {}s\n   ETA: {}s\n\n"
)
_LATE_BLOCK = (
    "################################################################################\n   Learning iteration {}/{}\n\n"
    "   Total steps: {}\n   Steps per second: {}\n   Collection time: {}s\n   Learning time: {}s\n   Mean reward: {}\n"
    "   Iteration time: {}s\n   Time elapsed: {} days, {}:00:00\n   ETA: 999999999 days, 0:00:00\n\n"
)
_TABLE = (
    "-----------------\n| time/   |     |\n|    fps  | {} |\n|    iterations | {} |\n|    time_elapsed | {} |\n"
    "|    total_timesteps | {} |\n| rollout/  |  |\n|    ep_rew_mean | {} |\n|    ep_len_mean | {} |\n-----------------\n"
)
_FORMS = (
    _EPOCH,
    _BLOCK,
    _LATE_BLOCK,
    _TABLE,
    "saving next best rewards: [{}]\n",
    "=> saving checkpoint 'runs/a/nn/last_a_ep_{}_rew_{}.pth'\n",
    "\r  0%|          | {}/{} [00:00<00:00, {}it/s]",
    "\r  1%|          | {}/{} [999999999:00:00<?, {}s/it]",
    "\r  1% ━━━━ {}/{} [ 0:00:01 < 0:00:01 , {} it/s ]\n",
    'Traceback (most recent call last):\n  File "a.py", line {}, in f\nRuntimeError: {}\n\n',
    "nefc overflow - please increase njmax to {}\n",
)


def _filled(form: str) -> st.SearchStrategy[str]:
    """Fill a form with numbers, of which about half are ordinary."""
    ordinary = st.integers(0, 99).map(str)
    numbers = st.lists(
        ordinary | st.sampled_from(_NUMBERS), min_size=form.count("{}"), max_size=form.count("{}")
    )
    return numbers.map(lambda chosen: form.format(*chosen))


_LOGS = st.lists(st.sampled_from(_FORMS).flatmap(_filled), min_size=1, max_size=8).map("".join)


def _said(*arguments: str) -> str:
    """Return what a command says, which is bounded, and no traceback or warning."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        assert main(arguments) in (0, 2)
    plt.close("all")
    assert all(line.startswith("stepscope: ") for line in errors.getvalue().splitlines())
    return out.getvalue()


@settings(max_examples=60)
@given(_LOGS)
@example(_EPOCH.format(1, 1, 1, 1, 9, 1, "inf") + _EPOCH.format(1, 1, 1, 2, 9, 2, "nan"))
@example(_EPOCH.format(1, 1, 1, 1, 9, 1, "1e308"))
@example("saving next best rewards: [1e308]\n")
def test_every_command_bounds_numbers(log: str) -> None:
    """Each shows them, and no line is filled by the digits of one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_text(log, encoding="utf-8")
        other = Path(folder) / "b.log"
        other.write_text(_EPOCH.format(9, 8, 7, 1, 9, 1, 9), encoding="utf-8")
        for command in (["read"], ["read", "--all"], ["watch", "--once"]):
            lines = _said(*command, str(path)).splitlines()
            digits = [found for line in lines for found in re.findall(r"[\d,]{45,}", line)]
            assert all(found in log for found in digits)  # a text is shown as it is
        _said("compare", str(path), str(other))
        _said("read", "--num-envs", "1000000000", "--csv", str(path))
        _said("read", "--num-envs", "1000000000", "--tensorboard", f"{folder}/events", str(path))
        reads(log, num_envs=10**9).to_pandas()


@settings(max_examples=25)
@given(_LOGS, st.sampled_from([".svg", ".png", ".html"]))
@example("saving next best rewards: [1e308]\n", ".svg")
@example("".join(_EPOCH.format(3, 2, 1, 10**18 - 9 + at, 10**18 - 1, at, 9) for at in range(3)), ".svg")
@example(_EPOCH.format("1e-320", "1e-320", "1e-320", 1, 9, 1, 9) * 2, ".svg")
def test_a_figure_bounds_numbers(log: str, ending: str) -> None:
    """What cannot be drawn is left out, and no library complains."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_text(log, encoding="utf-8")
        _said("read", "--plot", f"{folder}/a{ending}", str(path))


@pytest.mark.parametrize("goal", ["inf", "nan", "-inf", "1e308", "9" * 400])
def test_a_goal_without_end_leaves_the_exit_status(run: Run, goal: str) -> None:
    """A run is watched to its end, whatever it says that it will do."""
    code = f"print({_EPOCH.format(1, 1, 1, 1, 9, 1, goal)!r}, flush=True); raise SystemExit(7)"
    done = run("watch", "--", sys.executable, "-c", code)
    assert (7, b"") == (done.returncode, done.stderr)
