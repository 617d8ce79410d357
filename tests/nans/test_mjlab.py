"""The recorder in mjlab, where that is installed: ``nox -s mjlab``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

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
