"""The recorder in Isaac Lab, where that is installed: ``nox -s isaaclab``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope.nans import load

pytest.importorskip("isaaclab")

ROOT = Path(__file__).parents[2]
SCRIPT = """
import argparse, sys
import gymnasium, torch
import isaaclab_tasks
from isaaclab.app import add_launcher_args, launch_simulation
from isaaclab_rl.rsl_rl import RslRlVecEnvWrapper
from isaaclab_tasks.utils import resolve_task_config
from stepscope.nans import record
parser = argparse.ArgumentParser()
add_launcher_args(parser)
options = parser.parse_args(["--device", "cpu"])
config, _ = resolve_task_config("{task}", "rsl_rl_cfg_entry_point")
config.sim.device, config.scene.num_envs = "cpu", 16
{change}
with launch_simulation(config, options):
    env = gymnasium.make("{task}", cfg=config)
    env = RslRlVecEnvWrapper(record(env))
    torch.manual_seed(0)
    for _ in range(40):
        env.step(torch.randn(16, 1))
"""
TASKS = {
    "Isaac-Cartpole-Direct": ("config.action_scale = 1e38", "observations/policy [0]"),
    "Isaac-Cartpole": ("config.actions.joint_effort.scale = 1e38", "observations/policy joint_pos_rel[0]"),
}


@pytest.mark.parametrize("task", TASKS)
def test_what_is_bad_is_named_in_an_environment_of_isaac_lab(task: str, tmp_path: Path) -> None:
    """Its managers name the columns; RSL-RL's wrapper goes around the recorder as around the environment."""
    change, column = TASKS[task]
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(task=task, change=change), encoding="utf-8")
    assets = ROOT / "_build" / "isaaclab" / "assets"
    process = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "ISAACSIM_ASSET_ROOT": str(assets)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == process.returncode, process.stderr[-3000:]
    assert f"NaN in {column} of environment" in process.stderr, process.stderr[-3000:]
    [path] = tmp_path.glob("bad-values-step-*.npz")
    assert (16, "NaN") == (
        load(path).metadata["num_envs"],
        load(path).metadata["report"][0][1].partition(" ")[0],
    )
