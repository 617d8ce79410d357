"""Cart-poles in fixed memory, as a CUDA graph needs them, and without gymnasium."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
import torch

from stepscope.envs import CartPole
from stepscope.envs._spaces import _batch_space, _Box
from stepscope.envs.graphs import GraphedCartPole

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_steps_are_those_of_the_plain_environment(device: str, mode: type) -> None:
    """Whatever sets the state in between, every number is the same."""
    options = {"device": device, "seed": 3, "episode_length": 7}
    graphed, plain = GraphedCartPole(5, **options), CartPole(5, **options)
    torch.manual_seed(0)
    with mode():
        for step in range(25):
            if step == 9:
                for env in (graphed, plain):
                    env.reset(seed=4)
            if step == 12:
                for env in (graphed, plain):
                    env.set_state(torch.full((5, 4), 0.01, device=device))
                    env.steps = torch.arange(5, device=device)
            if step == 15:
                for env in (graphed, plain):
                    mask = torch.tensor([True, False, True, False, False], device=device)
                    env.reset(options={"reset_mask": mask})
            actions = 2 * torch.rand(5, 1, device=device) - 1
            *ours, info = graphed.step(actions)
            *theirs, expected = plain.step(actions)
            for one, other in zip((*ours, *info.values()), (*theirs, *expected.values()), strict=True):
                assert torch.equal(one, other)
    assert torch.equal(graphed.state, plain.state)


@pytest.mark.parametrize("device", DEVICES)
def test_a_step_writes_where_the_last_one_wrote(device: str) -> None:
    """State, counters and streams stay in place: a graph replays addresses."""
    env = GraphedCartPole(4, device=device, seed=0)
    places = [tensor.data_ptr() for tensor in (env._state, env._steps, env._streams)]
    for _ in range(3):
        env.step(torch.zeros(4, 1, device=device))
        env.reset()
    env.step(torch.zeros(4, 1, device=device))
    assert places == [tensor.data_ptr() for tensor in (env._state, env._steps, env._streams)]


def test_spaces_without_gymnasium_have_its_shapes_bounds_and_types() -> None:
    """Of one environment and of all."""
    high = np.array([1.0, np.inf], np.float32)
    for ours, theirs in (
        (_Box(-high, high, dtype=np.float32), gymnasium.spaces.Box(-high, high, dtype=np.float32)),
        (_Box(-1.0, 1.0, (3,), np.float32), gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)),
    ):
        for one, other in (
            (ours, theirs),
            (_batch_space(ours, 4), gymnasium.vector.utils.batch_space(theirs, 4)),
        ):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            assert np.array_equal(one.low, other.low)
            assert np.array_equal(one.high, other.high)


def test_cart_poles_without_gymnasium_step_alike() -> None:
    """A machine with torch and NumPy alone measures the same environment."""
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "import torch; from stepscope.envs import CartPole\n"
        "env = CartPole(3, seed=1); print(env.step(torch.ones(3, 1))[0].tolist(), env.action_space.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    env = CartPole(3, seed=1)
    assert f"{env.step(torch.ones(3, 1))[0].tolist()} {env.action_space.shape}\n" == done.stdout
