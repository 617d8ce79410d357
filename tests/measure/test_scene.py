"""Costs of scenes, against what their parts report."""

from __future__ import annotations

import pytest

from stepscope.errors import BadInputError
from stepscope.measure import scene_cost, scene_costs
from tests.undecided import decided


def test_more_worlds_share_a_model() -> None:
    """Time and the bytes of a world are there; the model does not depend on how many worlds share it."""
    few = scene_cost("stepscope.envs.scenes:pile", 2, options={"objects": 2}, settle=20, device="cpu")
    many = scene_cost("stepscope.envs.scenes:pile", 8, options={"objects": 2}, settle=20, device="cpu")

    assert few.model_bytes == many.model_bytes > 0
    assert few.world_bytes == pytest.approx(many.world_bytes, rel=0.1)
    assert few.step.median > 0
    assert few.rendered_step is None
    assert 0 == few.camera_bytes


def test_room_is_what_was_needed() -> None:
    """Two balls on the ground have a contact each, of four rows, and half is added; given sizes stay."""
    cost = scene_cost("stepscope.envs.scenes:pile", 2, options={"objects": 2}, settle=60, device="cpu")
    options = {"objects": 2, "njmax": 100, "nconmax": 50}
    with_sizes = scene_cost("stepscope.envs.scenes:pile", 2, options=options, settle=5, device="cpu")

    assert 2.0 <= cost.contacts <= 3.0  # and they may touch
    assert 12 <= cost.njmax <= 24
    assert (100, 50) == (with_sizes.njmax, with_sizes.nconmax)
    assert with_sizes.world_bytes > cost.world_bytes


@pytest.mark.timing
def test_rendering_is_timed_apart() -> None:
    """With images a step takes longer, and each world more memory."""
    size = {"width": 48, "height": 48}

    scenes = scene_costs(
        "stepscope.envs.scenes:cameras",
        {"small": {"num_envs": 2, **size}},
        settle=5,
        thresholds=[(("small", "rendered step"), ("small", "step"), 1.0)],
        device="cpu",
    )
    cost = scenes.costs["small"]
    assert cost.camera_bytes >= 48 * 48 * (4 + 4)  # colour and depth of each pixel
    assert cost.rendered_step == scenes.times.seconds(("small", "rendered step"))
    decided(scenes.times.ratio(("small", "rendered step"), ("small", "step")).above(1.0))


def test_what_the_scene_refuses_is_one_sentence() -> None:
    """Nonsense crosses the border between the processes."""
    with pytest.raises(BadInputError, match="shape is 'torus'"):
        scene_cost("stepscope.envs.scenes:pile", 2, options={"shape": "torus"}, device="cpu")
