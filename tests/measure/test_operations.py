"""Share of a call's time outside the operations of PyTorch and the kernels of Warp."""

from __future__ import annotations

import pytest
import torch

from stepscope.envs import scenes
from stepscope.measure._operations import _warp_kernels_visible, outside_operations


def test_python_alone_is_outside() -> None:
    """A call without any operation is Python from beginning to end."""
    assert (1.0, 1.0) == outside_operations(lambda: sum(range(200_000)))


def test_one_long_operation_is_inside() -> None:
    """A call that is a single large operation has next to nothing outside of it."""
    matrix = torch.ones(700, 700)
    low, high = outside_operations(lambda: matrix @ matrix)
    assert low <= high < 0.5


def test_the_shares_are_in_order_where_there_is_both() -> None:
    """Many operations on nothing much, with Python between them."""
    number = torch.zeros(1)

    def call() -> None:
        for _ in range(200):
            sum(range(1000))
            number.add_(1)

    low, high = outside_operations(call)
    assert 0.0 < low <= high < 1.0


def test_kernels_of_warp_are_seen() -> None:
    """PyTorch's profiler does not see them by itself; Warp is left as it was."""
    warp = pytest.importorskip("warp")
    world = scenes.quadruped(1, device="cpu")
    action = torch.zeros(world.ctrl.shape)
    before = warp._src.context.invoke
    with _warp_kernels_visible(), torch.profiler.profile() as profile:
        world.step(action)
    assert before is warp._src.context.invoke
    assert any(event.name == "warp kernel" for event in profile.events())
