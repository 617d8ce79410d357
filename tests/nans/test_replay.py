"""Stepping through what was recorded again: bit for bit, and with one thing changed."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from gymnasium.vector import VectorWrapper

from stepscope.envs import CartPole, scenes
from stepscope.envs.faults import Faulty, missing_reading
from stepscope.envs.scenes import quadruped
from stepscope.errors import BadInputError
from stepscope.nans import BadValueError, Recorder, record
from stepscope.nans._dump import Dump, load
from stepscope.nans._replay import replay, try_interventions

if TYPE_CHECKING:
    from pathlib import Path

QUADRUPED = "stepscope.envs.scenes:quadruped"
ENDLESS = {"track_half_length": 1e30, "angle_limit": 1e30}
COARSE = {"timestep": 0.04, "substeps": 1}


def _dump(env: Recorder, actions: int, size: float = 1.0) -> Dump:
    env.reset(seed=0)
    with pytest.raises(BadValueError):
        _step(env, actions, size)
    return load(env.dump)


def _step(env: Recorder, actions: int, size: float) -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        env.step(size * (2 * torch.rand(env.num_envs, actions, generator=generator) - 1))


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """Return the dump of quadrupeds whose timestep is too large for their gains."""
    folder = tmp_path_factory.mktemp("coarse")
    return _dump(record(quadruped(16, device="cpu", seed=0, **COARSE), folder=folder), 12)


def test_quadrupeds_go_the_same_way_bit_for_bit(coarse: Dump) -> None:
    """In another process's environment, with the bad world in another place."""
    result = replay(coarse, QUADRUPED, options=COARSE)
    assert result.differs is None
    assert result.steps > 4
    assert coarse.metadata["bad"]["step"] == result.bad_step


def test_half_the_timestep_is_named_as_the_cure(coarse: Dump) -> None:
    """The cause was a timestep that is too large; more iterations of the solver do not help."""
    prevents = {
        trial.change: trial.prevents for trial in try_interventions(coarse, QUADRUPED, options=COARSE)
    }
    assert prevents["half the timestep"]
    assert not prevents["four times the solver's iterations"]
    assert not prevents["four times the contact capacity"]


SCENES = "stepscope.envs.scenes"
BOXES = {"shape": "box"}


def _scene_dump(
    name: str,
    folder: Path,
    options: dict[str, Any],
    *,
    huge: float | None = None,
    steps: int = 32,
    num_envs: int = 4,
) -> Dump:
    """Step a scene with actions drawn at random until something is bad, and return what was dumped."""
    env = getattr(scenes, name)(num_envs, device="cpu", seed=0, **options)
    recorded = record(env, folder=folder, huge=huge, steps=steps)
    return _dump(recorded, len(env.action_names), size=0.1)


@pytest.mark.parametrize(
    ("name", "options", "huge"),
    [
        ("pile", {"timestep": 0.05}, 10.0),
        ("pile", {"shape": "mesh", "objects": 2, "pieces": 4}, 1.3),
        ("deformable", {}, 0.16),
        ("cameras", {"timestep": 0.04, "substeps": 1, "width": 16, "height": 16}, None),
        ("quadruped", {"solver": "cg", "iterations": 1}, 15.0),
    ],
)
def test_every_scene_goes_the_same_way_bit_for_bit(
    name: str, options: dict[str, Any], huge: float | None, tmp_path: Path
) -> None:
    """Rigid, soft, of meshes, and with a camera; what is bad need not be NaN."""
    dump = _scene_dump(name, tmp_path, options, huge=huge)
    again = replay(dump, f"{SCENES}:{name}", options=options)
    assert (None, dump.metadata["bad"]["step"]) == (again.differs, again.bad_step)
    assert dump.metadata["exact_from"] < len(dump.steps)


def _prevents(dump: Dump, factory: str, options: dict[str, Any]) -> dict[str, bool]:
    return {trial.change: trial.prevents for trial in try_interventions(dump, factory, options=options)}


def test_too_few_iterations_are_named(tmp_path: Path) -> None:
    """Boxes that one iteration of the conjugate gradient cannot hold; four times the contact capacity is no cure."""
    options = {**BOXES, "solver": "cg", "iterations": 1}
    prevents = _prevents(
        _scene_dump("pile", tmp_path, options, huge=30.0, steps=120, num_envs=8), f"{SCENES}:pile", options
    )
    assert prevents["four times the solver's iterations"]
    assert not prevents["four times the contact capacity"]


def test_too_little_room_is_named(tmp_path: Path) -> None:
    """Boxes that have room for four contacts; more iterations are no cure."""
    options = {**BOXES, "njmax": 16}
    prevents = _prevents(
        _scene_dump("pile", tmp_path, options, huge=6.5, steps=200, num_envs=8), f"{SCENES}:pile", options
    )
    assert prevents["four times the contact capacity"]
    assert not prevents["four times the solver's iterations"]


class Buried:
    """A pile whose first box begins half a metre under ground."""

    def __init__(self, num_envs: int) -> None:
        self._env = scenes.pile(num_envs, device="cpu", seed=0, shape="box")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the environment has
        return getattr(self._env, name)

    def reset(self, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Reset it, and bury a box in one of the worlds."""
        result = self._env.reset(**options)
        self._env.qpos[2, 2] = -0.5
        return result


def test_an_invalid_reset_is_named(tmp_path: Path) -> None:
    """A fresh start, which is valid, is the only cure."""
    dump = _dump(record(Buried(4), folder=tmp_path, huge=10.2), 1, size=0.1)
    assert 2 == dump.metadata["bad"]["env"]
    prevents = _prevents(dump, f"{SCENES}:pile", BOXES)
    assert prevents.pop("a clean reset")
    assert not prevents["four times the contact capacity"]
    assert not prevents["actions of half the size"]


def tasks_quadruped(
    num_envs: int, *, device: str | None = None, timestep: float = 0.04, substeps: int = 1
) -> scenes.World:
    """Make quadrupeds as somebody's task does: it has no other options."""
    return quadruped(num_envs, device=device, timestep=timestep, substeps=substeps)


def test_half_the_timestep_leaves_the_time_between_actions(coarse: Dump) -> None:
    """Whether a factory's timestep is the simulator's is seen from what it makes, not from its other options."""
    prevents = _prevents(coarse, f"{__name__}:tasks_quadruped", {})
    assert prevents["half the timestep"]
    assert "four times the contact capacity" not in prevents


@pytest.mark.parametrize("episode_length", [7, 500])
def test_cart_poles_go_the_same_way_bit_for_bit(tmp_path: Path, episode_length: int) -> None:
    """Through the ends of episodes, too: each cart-pole has a random stream of its own."""
    options = {
        "episode_length": episode_length,
        "force_limit": 1e8,
        "track_half_length": 1e30,
        "angle_limit": 1e30,
    }
    dump = _dump(record(CartPole(32, seed=3, **options), folder=tmp_path), 1)
    again = replay(dump, "stepscope.envs:CartPole", options=options)
    assert (None, dump.metadata["bad"]["step"]) == (again.differs, again.bad_step)


def test_a_replay_begins_behind_a_reset(tmp_path: Path) -> None:
    """All environments are reset in the middle of what was recorded."""
    options = {"force_limit": 1e8, "track_half_length": 1e30, "angle_limit": 1e30}
    env = record(CartPole(8, seed=0, **options), folder=tmp_path)
    env.reset(seed=0)
    for _ in range(3):
        env.step(torch.zeros(8, 1))
    dump = _dump(env, 1)
    assert dump.resets.sum() > 1
    again = replay(dump, "stepscope.envs:CartPole", options=options)
    assert (None, dump.metadata["bad"]["step"]) == (again.differs, again.bad_step)


def test_what_the_environment_does_not_make_is_said(tmp_path: Path) -> None:
    """A reading that was bad by itself does not come again, and the replay differs where it was."""
    env = record(Faulty(CartPole(8, seed=0), missing_reading(step=20, env=5)), folder=tmp_path)
    result = replay(_dump(env, 1), "stepscope.envs:CartPole")
    assert (20, None) == (result.differs, result.bad_step)
    assert (20, math.inf) == (result.own_differs, result.difference)


def test_a_drastic_action_is_cured_by_clipping(tmp_path: Path) -> None:
    """One action a million times as large as the others; half of it is no cure, and what is usual is."""
    options = {"force_limit": 1e7, "track_half_length": 1e30, "angle_limit": 1e30}
    env = record(CartPole(8, seed=0, **options), folder=tmp_path, huge=1e4)
    env.reset(seed=0)
    with pytest.raises(BadValueError):
        _strike(env)
    prevents = {
        trial.change: trial.prevents
        for trial in try_interventions(load(env.dump), "stepscope.envs:CartPole", options=options)
    }
    [clipped] = [change for change in prevents if change.startswith("actions clipped to")]
    assert prevents[clipped]
    assert not prevents["actions of half the size"]
    assert not prevents["half the timestep"]


def _strike(env: Recorder) -> None:
    generator = torch.Generator().manual_seed(0)
    for step in range(40):
        actions = 1e-6 * (2 * torch.rand(8, 1, generator=generator) - 1)
        if step == 20:
            actions[3] = 1.0
        env.step(actions)


def test_another_environment_differs(coarse: Dump) -> None:
    """With the timestep forgotten nothing is the same."""
    result = replay(coarse, QUADRUPED)
    assert result.differs == result.own_differs == result.begin + 1
    assert 0 < result.difference < math.inf


def test_others_may_differ_first(tmp_path: Path) -> None:
    """A bad environment that does the same is told from one that does not."""
    env = record(CartPole(8, seed=0, force_limit=1e8, **ENDLESS), folder=tmp_path)
    dump = _dump(env, 1)
    snapshot = {name: array.copy() for name, array in dump.snapshot.items()}
    snapshot["state"][5] += 0.5
    result = replay(
        dataclasses.replace(dump, snapshot=snapshot),
        "stepscope.envs:CartPole",
        options={"force_limit": 1e8, **ENDLESS},
    )
    assert (result.begin + 1, None, 0.0) == (result.differs, result.own_differs, result.difference)


def wrapped_cart_pole(num_envs: int) -> VectorWrapper:
    """Return cart-poles in a wrapper of Gymnasium, which passes on no attribute of theirs."""
    return VectorWrapper(CartPole(num_envs, seed=0, force_limit=1e8, **ENDLESS))


def test_a_wrapper_of_gymnasium_hides_no_snapshot(tmp_path: Path) -> None:
    """Isaac Lab's tasks come in such wrappers, and so may any environment."""
    dump = _dump(record(wrapped_cart_pole(8), folder=tmp_path), 1)
    result = replay(dump, f"{__name__}:wrapped_cart_pole")
    assert (None, dump.metadata["bad"]["step"]) == (result.differs, result.bad_step)


class Plain:
    """An environment without snapshots."""

    def __init__(self, num_envs: int) -> None:
        self.env = CartPole(num_envs, seed=0)
        self.num_envs = num_envs

    def reset(self, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Reset it."""
        return self.env.reset(**options)

    def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Step it; the sixth time all actions are NaN."""
        return self.env.step(actions * torch.nan if int(self.env.steps[0]) == 5 else actions)


def test_what_cannot_be_replayed_gets_one_sentence(coarse: Dump, tmp_path: Path) -> None:
    """No snapshot, no restore, another environment."""
    plain = _dump(record(Plain(4), folder=tmp_path), 1)
    with pytest.raises(BadInputError, match="has no snapshot"):
        replay(plain, "stepscope.envs:CartPole")
    with pytest.raises(BadInputError, match=r"has no restore\(snapshot\)"):
        replay(coarse, f"{__name__}:Plain")
    with pytest.raises(BadInputError, match="the snapshot is not of 16 cart-poles"):
        replay(coarse, "stepscope.envs:CartPole")
    with pytest.raises(BadInputError, match="no module"):
        replay(coarse, "nowhere:Env")
