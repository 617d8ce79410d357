"""Environments that are slow on purpose, each for a reason of its own."""

from __future__ import annotations

import pytest
import torch

from stepscope.envs import bottlenecks
from stepscope.measure import loop_splits
from stepscope.plan import Point, find_bottleneck
from tests.undecided import decided

MAKERS = ("light", "many_launches", "heavy", "hidden_wait")


@pytest.mark.parametrize("name", MAKERS)
def test_each_keeps_to_the_convention(name: str) -> None:
    """Observations and rewards have a row for each environment, stay within limits and on the device."""
    env = getattr(bottlenecks, name)(6, device="cpu")
    assert (6, 8) == tuple(env.reset()[0].shape)
    observations, rewards, terminated, truncated, info = env.step(torch.ones(6, 2))
    assert [(6, 8), (6,), (6,), (6,)] == [
        tuple(tensor.shape) for tensor in (observations, rewards, terminated, truncated)
    ]
    assert float(observations.abs().max()) <= 1.0
    assert {} == info


@pytest.mark.timing
@pytest.mark.parametrize(
    ("expected", "name", "sizes", "hidden"),
    [
        ("launch-bound", "many_launches", (16, 64, 256), (64,)),
        ("throughput-bound", "heavy", (64, 256, 1024), (64,)),
        ("learner-bound", "light", (64, 256, 1024), (256, 256)),
        ("launch-bound", "hidden_wait", (4, 8, 16), (64,)),  # on a CPU, where nothing waits
    ],
)
def test_each_is_limited_by_its_own_reason(
    expected: str, name: str, sizes: tuple[int, ...], hidden: tuple[int, ...]
) -> None:
    """The verdict on a real measurement is what the environment was written for."""
    loop = {"env": f"stepscope.envs.bottlenecks:{name}", "hidden": hidden, "epochs": 1, "horizon": 4}
    measured = loop_splits({size: {**loop, "num_envs": size} for size in sizes}, budget=2.0, device="cpu")
    points = [Point.from_split(split) for split in measured.splits.values()]
    assert {1.0 if name == "hidden_wait" else 0.0} == {point.host_syncs for point in points}
    decided(find_bottleneck(points).decides(expected))
