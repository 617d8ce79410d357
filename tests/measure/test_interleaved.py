"""Steps, scenes and loops that are measured in turns say the same as those that are measured alone."""

from __future__ import annotations

import pytest

from stepscope.errors import BadInputError
from stepscope.measure import MeasurementFailedError, all_of, loop_splits, scene_cost, scene_costs, step_times
from tests.undecided import decided

BOTTLENECKS = "stepscope.envs.bottlenecks:"


@pytest.mark.timing
class TestStepTimes:
    def test_a_step_with_more_substeps_takes_longer(self) -> None:
        """Ten substeps of many environments are more than half as much work again, whatever else the machine does."""
        comparison = step_times(
            {"few": {"num_envs": 4096}, "many": {"num_envs": 4096, "substeps": 10}},
            thresholds=[("many", "few", 1.5)],
            device="cpu",
        )
        assert comparison.clock == "cpu"
        decided(comparison.ratio("many", "few").above(1.5))

    def test_names_of_any_kind_come_back(self) -> None:
        """JSON lies between, and knows no numbers as names."""
        comparison = step_times({1: {"num_envs": 1}, 64: {"num_envs": 64}}, budget=0.0, device="cpu")
        assert [1, 64] == list(comparison.rounds[0])


def test_what_is_wrong_is_said_as_for_one() -> None:
    """A size of none is refused by the environment."""
    with pytest.raises(BadInputError):
        step_times({"none": {"num_envs": 0}}, device="cpu")
    with pytest.raises(MeasurementFailedError):
        step_times({"odd": {"num_envs": 1, "colour": "red"}}, device="cpu")


def test_scenes_in_one_process_take_what_each_takes_alone() -> None:
    """Memory is counted for each by itself, and the side of each is its own."""
    pile = "stepscope.envs.scenes:pile"
    variants = {n: {"num_envs": n, "objects": 2} for n in (2, 8)}
    scenes = scene_costs(pile, variants, settle=20, device="cpu")
    alone = scene_cost(pile, 8, options={"objects": 2}, settle=20, device="cpu")
    together = scenes.costs[8]
    assert (alone.model_bytes, alone.world_bytes, alone.contacts, alone.njmax, alone.nconmax) == (
        together.model_bytes,
        together.world_bytes,
        together.contacts,
        together.njmax,
        together.nconmax,
    )
    assert [(2, "step"), (8, "step")] == list(scenes.times.rounds[0])
    assert scenes.times.seconds((8, "step")) == together.step
    assert together.rendered_step is None


@pytest.mark.timing
class TestLoopSplits:
    def test_the_parts_of_each_loop_are_its_own(self) -> None:
        """Heavy steps grow with the environments, launches do not; the sums are those of the parts."""
        loops = {
            (kind, n): {
                "env": BOTTLENECKS + kind,
                "num_envs": n,
                "horizon": 4,
                "hidden": (16,),
                "epochs": 1,
            }
            for kind in ("heavy", "many_launches")
            for n in (16, 256)
        }
        timed = loop_splits(loops, budget=2.0, device="cpu")
        heavy = timed.times.ratio((("heavy", 256), "stepping"), (("heavy", 16), "stepping"))
        launches = timed.times.ratio(
            (("many_launches", 256), "stepping"), (("many_launches", 16), "stepping")
        )
        split = timed.splits["heavy", 256]
        assert ("cpu", 1, None, 256) == (split.clock, split.threads, split.sync_overhead, split.num_envs)
        for times in timed.times.rounds:
            parts = {
                part: times[("heavy", 256), part].cpu
                for part in ("stepping", "inference", "learning", "total")
            }
            assert parts["stepping"] + parts["inference"] + parts["learning"] == pytest.approx(parts["total"])
        decided(all_of(heavy.above(3), launches.below(3)))

    def test_what_a_step_is_without_rendering(self) -> None:
        """A loop whose steps render has a part for it, and no other has."""
        loops = {
            "cameras": {"env": "stepscope.envs.scenes:cameras", "num_envs": 2, "horizon": 2},
            "heavy": {"env": f"{BOTTLENECKS}heavy", "num_envs": 2, "horizon": 2},
        }
        timed = loop_splits(loops, budget=0.0, device="cpu")
        assert timed.splits["heavy"].without_rendering is None
        cameras = timed.splits["cameras"]
        assert cameras.without_rendering is not None
        ratio = timed.times.ratio(("cameras", "without_rendering"), ("cameras", "stepping"))
        decided(ratio.below(1.0))
