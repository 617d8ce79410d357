"""The lines that the guide names against bad values: each ends a training with its library."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope.logs import library_name
from stepscope.train import LIBRARIES
from stepscope.train.experiments.fault_injection import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "nans.md"

BEGIN = """
from stepscope.envs import CartPole
from stepscope.train.experiments.fault_injection import FAULTS, FaultCounterEnv
from stepscope.train import {library}
env = FaultCounterEnv(CartPole(16, seed=0), FAULTS["{fault}"])
"""
TRAIN = """
{library}.train(env, iterations=6, horizon=16, log_dir="runs")
"""
# The wrapper of Stable-Baselines3 goes around its own environments.
ITS_OWN = """
from stable_baselines3 import PPO
env = sb3._Environment(env, discrete=False)
"""
LEARN = """
PPO("MlpPolicy", env, n_steps=16, batch_size=64, device="cpu").learn(6 * 16 * 16)
"""


def lines_for(library: str) -> str:
    """Return the lines that the page shows for a library."""
    section = (
        PAGE.read_text(encoding="utf-8")
        .split("## What stops a run at the first bad value?")[1]
        .split("\n## ")[0]
    )
    [lines] = re.findall(
        rf"^{library_name(library)}[, ].*?```py\n(.*?)```", section, re.DOTALL | re.MULTILINE
    )
    return lines


@pytest.mark.live
@pytest.mark.parametrize("fault", ["infinity observed", "NaN observed"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_guard_of_the_page_ends_the_training(library: str, fault: str, tmp_path: Path) -> None:
    """In the step that was struck, or until the recorder looks; what torch says of infinity comes with the update."""
    wrapped, train = (ITS_OWN, LEARN) if library == "sb3" else ("", TRAIN)
    script = "".join((BEGIN, wrapped, lines_for(library), train)).format(library=library, fault=fault)
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert 1 == process.returncode, process.stderr
    assert re.search(r"^[\w.]*Error: ", process.stderr, re.MULTILINE)
    taken = int((tmp_path / "steps.txt").read_text()) - FAULTS[fault].step
    assert 0 <= taken <= (12 if library == "skrl" else 7)
