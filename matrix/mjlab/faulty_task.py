"""Cart-poles of mjlab in which one number is NaN, with mjlab's NaN guard and a recorder of Stepscope.

It is in environment 7, in step 20: ``python faulty_task.py state`` sets the pole's velocity, ``observation`` and
``reward`` a term.
"""

from __future__ import annotations

import sys
from typing import Any

import mjlab.tasks  # noqa: F401 - registers the tasks
import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.tasks.registry import load_env_cfg

import stepscope.nans

STEP = 20


def with_fault(term: Any) -> Any:  # noqa: ANN401 - mjlab's
    """Return a term of the observations or of the reward that is NaN in one step of one environment."""

    def faulty(env: Any, **settings: Any) -> torch.Tensor:  # noqa: ANN401 - mjlab's
        values = term(env, **settings).clone()
        if env.episode_length_buf[7] == STEP:
            values[7] = torch.nan
        return values

    return faulty


def make_env(num_envs: int, *, guard: bool = True, fault: str = "") -> Any:  # noqa: ANN401 - mjlab's
    """Create the task on a CPU, with or without the guard."""
    config = load_env_cfg("Mjlab-Cartpole-Balance")
    config.scene.num_envs = num_envs
    config.sim.nan_guard.enabled = guard
    config.sim.nan_guard.output_dir = "nan"
    terms = {
        "observation": config.observations["actor"].terms["pole_vel"],
        "reward": config.rewards["smooth_reward"],
    }
    if fault in terms:
        terms[fault].func = with_fault(terms[fault].func)
    return ManagerBasedRlEnv(cfg=config, device="cpu")


if __name__ == "__main__":
    fault = sys.argv[1]
    env = stepscope.nans.record(make_env(16, fault=fault))
    env.reset(seed=0)
    torch.manual_seed(0)
    for step in range(1, 65):
        if fault == "state" and step == STEP:
            env.sim.data.qvel[7, 1] = torch.nan
        env.step(torch.randn(16, 1))
    sys.stdout.write("64 steps without a report of the recorder\n")
