"""The recorder in mjlab, where that is installed: ``nox -s mjlab``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

mjlab = pytest.importorskip("mjlab")


@pytest.fixture
def env() -> Any:  # noqa: ANN401 - mjlab's
    """Return cart-poles under a gravity that is infinite."""
    import mjlab.tasks  # noqa: F401, PLC0415 - registers them
    from mjlab.envs import ManagerBasedRlEnv  # noqa: PLC0415 - where it is installed
    from mjlab.rl import RslRlVecEnvWrapper  # noqa: PLC0415
    from mjlab.tasks.registry import load_env_cfg  # noqa: PLC0415

    config = load_env_cfg("Mjlab-Cartpole-Balance")
    config.scene.num_envs = 16
    config.sim.mujoco.gravity = (0.0, 0.0, float("-inf"))
    return RslRlVecEnvWrapper(ManagerBasedRlEnv(cfg=config, device="cpu"))


def test_what_is_bad_is_named_in_an_environment_of_mjlab(env: Any, tmp_path: Path) -> None:  # noqa: ANN401 - mjlab's
    """Its managers name the columns."""
    import torch  # noqa: PLC0415 - where it is installed

    from stepscope.nans import BadValueError, record  # noqa: PLC0415

    recorded = record(env, folder=tmp_path)
    with pytest.raises(
        BadValueError, match=r"NaN in observations/actor \w+(\[0\])? of environment 0, in step 1"
    ):
        _step(recorded, torch.zeros(16, 1))
    assert 16 == recorded.report.num_envs
    assert recorded.dump.is_file()


def _step(env: Any, actions: Any) -> None:  # noqa: ANN401 - mjlab's
    for _ in range(16):
        env.step(actions)


def _step_at_random(env: Any) -> None:  # noqa: ANN401 - mjlab's
    import torch  # noqa: PLC0415 - where it is installed

    for _ in range(64):
        env.step(10 * torch.randn(16, 1))


def test_a_replay_in_mjlab_does_the_same(tmp_path: Path) -> None:
    """Bit for bit, from the state of MuJoCo, and half the timestep prevents what a large one brought about."""
    import torch  # noqa: PLC0415 - where it is installed

    from stepscope.nans import BadValueError, record  # noqa: PLC0415
    from stepscope.nans import tasks as factories  # noqa: PLC0415

    task, timestep = "Mjlab-Cartpole-Balance", 0.25
    recorded = record(factories.mjlab(16, task=task, **{"sim.mujoco.timestep": timestep}), folder=tmp_path)
    recorded.reset(seed=0)
    torch.manual_seed(0)
    with pytest.raises(BadValueError):
        _step_at_random(recorded)
    stepscope = str(Path(sys.executable).with_name("stepscope"))
    options = ["--option", f"task={task}", "--option", f"sim.mujoco.timestep={timestep}"]
    process = subprocess.run(
        [stepscope, "replay", str(recorded.dump), "--env", "stepscope.nans.tasks:mjlab", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == process.returncode, process.stderr[-3000:]
    assert "the same, bit for bit" in process.stdout
    assert "half the timestep: prevents it" in process.stdout
