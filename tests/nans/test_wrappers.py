"""The recorder around and inside of what libraries put around an environment."""

from __future__ import annotations

import copy
import math
import os
import subprocess
import sys
from functools import partial
from shutil import which
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from gymnasium.wrappers.vector import TransformReward
from rl_games.common.ivecenv import IVecEnv
from rsl_rl.env import VecEnv as RslRlEnv
from skrl.envs.wrappers.torch import Wrapper
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecMonitor

from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, infinite_reading
from stepscope.nans import BadUpdateError, BadValueError, load, record
from stepscope.train import rl_games, rsl_rl, sb3, skrl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAULT = infinite_reading(step=20, env=3, column=1)


def faulty() -> Any:  # noqa: ANN401 - it stands for its environment
    """Return cart-poles whose third has an infinite reading in step 20."""
    return Faulty(CartPole(8, seed=0), FAULT)


def stepped(env: Any, actions: Any, times: int = 40) -> None:  # noqa: ANN401 - any environment
    """Step an environment as its library does."""
    if not isinstance(env, RslRlEnv):  # those have no such method
        env.reset()
    for _ in range(times):
        env.step(actions)


ARRAYS, TENSORS = np.zeros((8, 1), np.float32), torch.zeros(8, 1)
AROUND: dict[str, tuple[Callable[[], Any], Any, type, str]] = {
    "RL-Games": (lambda: rl_games._Environment(faulty()), TENSORS, IVecEnv, "observations/obs"),
    "RSL-RL": (
        lambda: rsl_rl._Environment(faulty(), episode_terms=False),
        TENSORS,
        RslRlEnv,
        "observations/policy",
    ),
    "skrl": (lambda: skrl._Environment(faulty()), TENSORS, Wrapper, "observations"),
    "SB3": (lambda: sb3._Environment(faulty(), discrete=False), ARRAYS, VecEnv, "observations"),
    "SB3's monitor": (
        lambda: VecMonitor(sb3._Environment(faulty(), discrete=False)),
        ARRAYS,
        VecEnv,
        "observations",
    ),
}


@pytest.mark.parametrize("name", AROUND)
def test_a_wrapper_of_a_library_is_recorded(name: str) -> None:
    """Its observations may be groups, its arrays NumPy's; the recorder passes for the wrapper."""
    make, actions, kind, tensor = AROUND[name]
    env = record(make(), folder=None)
    assert isinstance(env, kind)
    with pytest.raises(BadValueError):
        stepped(env, actions)
    bad = env.report.bad
    assert (tensor, FAULT.step, FAULT.env, FAULT.column) == (bad.tensor, bad.step, bad.env, bad.column)


@pytest.mark.parametrize("wrapper", [VecMonitor, partial(VecFrameStack, n_stack=2)])
def test_a_wrapper_of_stable_baselines3_goes_around_it(wrapper: Callable[[Any], Any]) -> None:
    """Such a wrapper steps in two halves, and both are seen."""
    env = wrapper(record(sb3._Environment(faulty(), discrete=False), folder=None))
    with pytest.raises(BadValueError, match=r"infinity in observations .* of environment 3, in step 20"):
        stepped(env, ARRAYS)


def test_wrappers_of_gymnasium_go_around_it() -> None:
    """They ask whether it is one of Gymnasium's, and it passes for one."""
    inner = record(CartPole(8, seed=0), folder=None)
    env = TransformReward(inner, lambda rewards: rewards)
    actions = TENSORS.clone()
    actions[6] = math.nan
    with pytest.raises(BadValueError, match="NaN in actions force of environment 6, in step 1"):
        stepped(env, actions)


# Torch warns of its own code when it loads its compiler.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
@pytest.mark.skipif(not which(os.environ.get("CXX", "g++")), reason="no C++ compiler here")
def test_a_compiled_environment_is_recorded() -> None:
    """Its step is torch.compile's, and what it returns is watched as ever."""
    env = record(CartPole(8, seed=0, compile=True), folder=None)
    actions = torch.zeros(8, 1)
    stepped(env, actions, 20)
    assert env.check() is None
    actions[5] = math.nan
    env.step(actions)
    with pytest.raises(BadValueError, match="NaN in actions force of environment 5, in step 21"):
        env.check()


@pytest.mark.live
def test_a_library_that_diverges_keeps_its_weights(tmp_path: Path) -> None:
    """Stable-Baselines3 with a step that no network survives: it ends before the weights are not finite."""
    env = record(sb3._Environment(CartPole(16, seed=0), discrete=False), folder=tmp_path)
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, learning_rate=1e30, device="cpu", seed=0)
    env.watch(model.policy)
    with pytest.raises(BadUpdateError, match=r"in update \d+, after step 16"):
        model.learn(16 * 16 * 4)
    assert all(bool(parameter.isfinite().all()) for parameter in model.policy.parameters())


RANKS = """
import os, torch
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, missing_reading
from stepscope.nans import record
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
env = record(Faulty(CartPole(4, seed=rank), missing_reading(step=5 + rank, env=rank)), on_bad="warn")
env.reset()
for _ in range(16):
    env.step(torch.zeros(4, 1))
torch.distributed.destroy_process_group()
"""


def test_each_rank_writes_a_dump_of_its_own(tmp_path: Path) -> None:
    """Two processes, started by torchrun, each with another fault."""
    script = tmp_path / "ranks.py"
    script.write_text(RANKS, encoding="utf-8")
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    subprocess.run(run, cwd=tmp_path, check=True, capture_output=True)
    for rank in (0, 1):
        dump = load(tmp_path / f"bad-values-step-{5 + rank}-rank-{rank}.npz")
        assert (rank, rank) == (dump.metadata["rank"], dump.metadata["bad"]["env"])
        assert f"rank {rank}" in dump.metadata["report"][0][1]


class Written(Faulty):
    """An environment with an attribute that libraries write, as RSL-RL writes lengths of episodes."""

    lengths = 0


def test_what_a_library_writes_reaches_the_environment() -> None:
    """And is read from there."""
    inner = Written(CartPole(2, seed=0))
    env = record(inner, folder=None)
    env.lengths = 7
    assert 7 == inner.lengths == env.lengths


def test_a_recorder_can_be_copied() -> None:
    """As some libraries copy what they are given."""
    env = record(CartPole(2, seed=0), folder=None)
    assert copy.copy(env).num_envs == 2
