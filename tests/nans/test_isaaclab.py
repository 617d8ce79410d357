"""The recorder in Isaac Lab, where that is installed: ``nox -s isaaclab``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matrix.isaaclab.recorded import LIBRARIES, copy_with_recorder
from stepscope.nans import load

pytest.importorskip("isaaclab")

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "_build" / "isaaclab" / "assets"
PROGRAMS = Path(sys.executable).parent
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
RECORD = """
import torch
from stepscope.nans import record
from stepscope.nans.tasks import isaaclab
env = record(isaaclab(16, task="{task}", **{settings}))
env.reset(seed=0)
torch.manual_seed(0)
for _ in range(64):
    env.step(torch.randn(16, env.unwrapped.single_action_space.shape[0]))
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
    process = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "ISAACSIM_ASSET_ROOT": str(ASSETS)},
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


# What each library needs besides: a CPU, and minibatches that divide a small rollout.
OVERRIDES = {
    "rl_games": (
        "agent.params.config.device=cpu",
        "agent.params.config.device_name=cpu",
        "agent.params.config.minibatch_size=1024",
    ),
    "rsl_rl": ("agent.device=cpu",),
    "sb3": ("agent.device=cpu",),
    "skrl": (),
}
COARSE = "0.0175"  # seconds; twice the task's own timestep, so that its simulation is unstable


def _run(folder: Path, *command: str, status: int) -> subprocess.CompletedProcess[str]:
    process = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]],
        cwd=folder,
        env={**os.environ, "ISAACSIM_ASSET_ROOT": str(ASSETS), "PYTHONPATH": str(folder / "edited")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert status == process.returncode, process.stderr[-3000:]
    return process


def _train(folder: Path, library: str) -> subprocess.CompletedProcess[str]:
    copy_with_recorder(folder / "edited")
    common = ("--task", "Isaac-Ant", "--num_envs", "64", "--max_iterations", "20", "--device", "cpu")
    settings = (*OVERRIDES[library], f"env.sim.dt={COARSE}")
    return _run(folder, "isaaclab", "train", "--rl_library", library, *common, *settings, status=1)


@pytest.mark.parametrize("library", LIBRARIES)
def test_two_lines_in_a_training_script_record_its_environment(library: str, tmp_path: Path) -> None:
    """The line goes above the one that wraps the environment for the library, as the recipe says."""
    process = _train(tmp_path, library)
    assert "likely cause" in process.stderr
    [path] = tmp_path.glob("bad-values-step-*.npz")
    assert 64 == load(path).metadata["num_envs"]
    assert load(path).snapshot


def test_a_replay_in_isaac_lab_does_the_same(tmp_path: Path) -> None:
    """Bit for bit, from the state of its scene."""
    task, settings = "Isaac-Cartpole-Direct", {"action_scale": 1e38}
    script = tmp_path / "record.py"
    script.write_text(RECORD.format(task=task, settings=settings), encoding="utf-8")
    _run(tmp_path, "python", "record.py", status=1)
    [path] = tmp_path.glob("bad-values-step-*.npz")
    printed = _replay(tmp_path, path, task, "action_scale=1e38")
    assert "the same, bit for bit" in printed
    assert "it happens again, in step" in printed


def test_a_replay_finds_what_prevents_the_recorded_value(tmp_path: Path) -> None:
    """As the page about a deadline shows it."""
    dump = ROOT / "recordings" / "isaaclab" / "3.0.0" / "nan_recorded.npz"
    printed = _replay(tmp_path, dump, "Isaac-Ant-Direct", f"sim.dt={COARSE}")
    assert "it happens again, in step 35" in printed
    assert "half the timestep: prevents it" in printed
    assert "four times the solver's iterations: does not" in printed


def _replay(folder: Path, dump: Path, task: str, setting: str) -> str:
    options = ("--option", f"task={task}", "--option", setting)
    factory = "stepscope.nans.tasks:isaaclab"
    return _run(folder, "stepscope", "replay", str(dump), "--env", factory, *options, status=0).stdout
