"""Scenes of MuJoCo Warp, against MuJoCo itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
import pytest
import torch

from stepscope.envs import scenes
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.envs._world import World

SMALL: dict[str, dict[str, Any]] = {
    "quadruped": {},
    "pile": {"objects": 3},
    "deformable": {"nodes": None},
    "cameras": {"width": 16, "height": 8},
}


def make_world(name: str, num_envs: int = 3, **options: Any) -> World:  # noqa: ANN401 - JSON
    """Make a small world."""
    make: Callable[..., World] = getattr(scenes, name)
    return make(num_envs, **{"device": "cpu", "seed": 0, **SMALL[name], **options})


def actions(world: World, seed: int = 0) -> torch.Tensor:
    """Draw actions."""
    return 2 * torch.rand(world.ctrl.shape, generator=torch.Generator().manual_seed(seed)) - 1


@pytest.mark.parametrize("name", SMALL)
def test_spaces_and_tensors_agree(name: str) -> None:
    """What a step returns has the shapes and types of the spaces."""
    world = make_world(name)
    observations, rewards, terminated, truncated, info = world.step(actions(world))

    assert (world.num_envs, *world.single_observation_space.shape) == tuple(observations.shape)
    assert world.action_space.shape == tuple(world.ctrl.shape)
    assert [torch.float32, torch.float32, torch.bool, torch.bool] == [
        tensor.dtype for tensor in (observations, rewards, terminated, truncated)
    ]
    assert {"final_obs", "_final_obs"} == set(info)
    assert observations.isfinite().all()


@pytest.mark.parametrize("name", ["quadruped", "pile"])
def test_it_moves_as_mujoco_moves(name: str) -> None:
    """A tenth of a second from the same state under the same inputs ends where MuJoCo's own C code ends."""
    world = make_world(name, 2, substeps=1, iterations=50, ls_iterations=50)
    data = mujoco.MjData(world.mujoco_model)
    data.qpos[:] = world.qpos[1].numpy()
    data.qvel[:] = world.qvel[1].numpy()
    for step in range(20):
        world.step(actions(world, step))
        data.ctrl[:] = world.ctrl[1].numpy()
        mujoco.mj_step(world.mujoco_model, data)

    assert np.abs(data.qpos - world.mujoco_model.qpos0).max() > 0.01
    np.testing.assert_allclose(data.qpos, world.qpos[1].numpy(), atol=2e-4)
    np.testing.assert_allclose(data.qvel, world.qvel[1].numpy(), atol=2e-2)


def test_tensors_are_the_simulators_memory() -> None:
    """No copy lies between: torch's tensors begin where Warp's arrays do, and what is written moves the world."""
    world = make_world("quadruped")
    data = world._data

    assert [data.qpos.ptr, data.qvel.ptr, data.ctrl.ptr, data.overflow.ptr] == [
        tensor.data_ptr() for tensor in (world.qpos, world.qvel, world.ctrl, world.overflow)
    ]
    world.qpos[1, 2] += 1.0
    world.step(torch.zeros(3, 12))
    assert [False, True, False] == (world.qpos[:, 2] > 1.0).tolist()


def test_images_are_the_renderers_memory() -> None:
    """The camera sees the robot in the middle, and how far away it is."""
    world = make_world("cameras", width=32, height=32)
    world.step(torch.zeros(3, 12))
    blue, green, red = world.images[0, 16, 16].tolist()
    distance = float(np.linalg.norm([1.1, 1.1, 0.9]))

    assert (3, 32, 32, 3) == tuple(world.images.shape)
    assert red > green > blue
    assert distance - 0.4 < float(world.depths[0, 16, 16]) < distance
    assert world._context.rgb_data.ptr == world.images.data_ptr()


def test_rendering_can_be_switched_off() -> None:
    """Without rendering the images stay as they were."""
    world = make_world("cameras")
    world.step(torch.zeros(3, 12))
    before = world.images.clone()
    world.rendering = False
    world.qpos[:, 2] += 1.0
    world.step(torch.zeros(3, 12))
    assert torch.equal(before, world.images)
    world.rendering = True
    world.step(torch.zeros(3, 12))
    assert not torch.equal(before, world.images)


def test_a_scene_without_a_camera_says_so() -> None:
    """Images that nobody asked for are one sentence."""
    with pytest.raises(BadInputError, match="has no camera"):
        _ = make_world("quadruped").images


def test_an_episode_starts_again_within_the_step() -> None:
    """After the last step the observation is a new episode's first, and the old one's last stands beside it."""
    world = make_world("quadruped", episode_length=3)
    for _ in range(2):
        world.step(actions(world))
    observations, _, terminated, truncated, info = world.step(actions(world))

    assert [True] * 3 == truncated.tolist() == info["_final_obs"].tolist()
    assert not terminated.any()
    start = torch.tensor(world.mujoco_model.key_qpos[0], dtype=torch.float32)
    assert torch.equal(start.expand(3, -1), observations[:, : len(start)])
    assert not torch.equal(info["final_obs"], observations)
    assert torch.equal(world.qpos, observations[:, : len(start)])


def test_only_the_fallen_start_again() -> None:
    """One robot that lies on the ground is picked up, the others walk on."""
    world, twin = make_world("quadruped"), make_world("quadruped")
    world.step(actions(world))
    twin.step(actions(world))
    world.qpos[1, 2] = 0.05
    _, _, terminated, truncated, _ = world.step(actions(world))
    twin.step(actions(world))

    assert [False, True, False] == terminated.tolist()
    assert not truncated.any()
    assert 0.3 == pytest.approx(float(world.qpos[1, 2]))
    assert torch.equal(twin.qpos[[0, 2]], world.qpos[[0, 2]])


def test_too_little_room_raises_a_flag_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Contacts that do not fit are dropped; the flag says so in words, until the episode begins anew."""
    world = make_world("pile", objects=6, shape="box", njmax=8)
    for _ in range(30):
        world.step(torch.zeros(3, 1))
    assert {"NEFC": 3} == {name: count for name, count in world.overflows.items() if name == "NEFC"}
    world.reset()
    assert {} == world.overflows
    assert "overflow" not in capfd.readouterr().out


def test_settings_reach_the_simulator() -> None:
    """The timestep, the solver and its iterations, and the room for constraints are those that were asked for."""
    world = make_world(
        "quadruped", timestep=0.002, substeps=3, solver="cg", iterations=7, ls_iterations=9, njmax=50
    )
    options = world._model.opt
    assert [7, 9, int(mujoco.mjtSolver.mjSOL_CG)] == [
        options.iterations,
        options.ls_iterations,
        options.solver,
    ]
    assert 0.002 == pytest.approx(float(options.timestep.numpy().ravel()[0]))
    assert 50 == world._data.njmax
    world.step(torch.zeros(3, 12))
    assert [pytest.approx(0.006)] * 3 == world._data.time.numpy().tolist()


def test_a_seed_repeats_every_bit() -> None:
    """The same seed, device and actions give the same numbers, over the ends of episodes too."""

    def run(seed: int) -> torch.Tensor:
        world = make_world("quadruped", seed=seed, episode_length=4)
        return torch.stack([world.step(actions(world, step))[0] for step in range(6)])

    first = run(3)
    assert torch.equal(first, run(3))
    assert not torch.equal(first, run(4))


def test_memory_is_told_apart() -> None:
    """The model is there once, the data once for every world."""
    few, many = make_world("pile", 2, shape="mesh"), make_world("pile", 8, shape="mesh")
    assert few.model_bytes == many.model_bytes
    assert 3.5 < many.data_bytes / few.data_bytes < 4.1
    detailed = make_world("pile", 2, shape="mesh", vertices=1000)
    assert detailed.model_bytes > 2 * few.model_bytes
    assert 0 == few.render_bytes < make_world("cameras").render_bytes


def test_soft_blocks_give_way() -> None:
    """Under the press a soft block is lower than its rigid twin."""
    heights = []
    for nodes in (3, None):
        world = make_world("deformable", 1, nodes=nodes, young=3e3)
        for _ in range(150):
            world.step(torch.tensor([[-1.0]]))
        assert world.qpos.isfinite().all()
        heights.append(0.25 + float(world.qpos[0, -1]))
    soft, rigid = heights
    assert 0.20 < rigid < 0.24
    assert soft < rigid - 0.01


@pytest.mark.parametrize("shape", ["sphere", "box", "capsule", "mesh"])
def test_shapes_have_the_same_volume(shape: str) -> None:
    """Objects differ in how they collide, not in how much there is of them."""
    model = make_world("pile", 1, objects=1, shape=shape).mujoco_model
    size = model.geom_size[1]
    volume = {
        "sphere": lambda: 4 / 3 * np.pi * size[0] ** 3,
        "box": lambda: 8 * size.prod(),
        "capsule": lambda: np.pi * size[0] ** 2 * 2 * size[1] + 4 / 3 * np.pi * size[0] ** 3,
        "mesh": lambda: 8 * size.prod() * np.pi / 6,  # of the ellipsoid in the box about it
    }[shape]()
    assert 4 / 3 * np.pi * 0.06**3 == pytest.approx(float(volume), rel=0.05)
    assert 1.0 == pytest.approx(float(model.body_mass[1]))


def test_pieces_fill_the_ball() -> None:
    """The parts of a cut mesh weigh together what it weighed, and there are as many as were asked for."""
    model = make_world("pile", 1, objects=2, shape="pieces", pieces=5).mujoco_model
    assert 1 + 2 * 5 == model.ngeom
    assert [pytest.approx(1.0)] * 2 == model.body_mass[1:].tolist()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pile", {"shape": "torus"}, "shape is 'torus'; choose one of sphere, box, capsule, mesh, pieces"),
        ("pile", {"shape": "pieces", "vertices": 6, "pieces": 4}, "too few for 4 convex pieces"),
        ("pile", {"objects": 0}, "objects is 0"),
        ("quadruped", {"timestep": 0.0}, "timestep is 0.0"),
        ("quadruped", {"solver": "magic"}, "solver is 'magic'; choose one of newton, cg"),
        ("quadruped", {"njmax": -1}, "njmax is -1"),
        ("quadruped", {"episode_length": 0}, "episode_length is 0"),
        ("cameras", {"width": 0}, "width is 0"),
        ("deformable", {"nodes": 1}, "nodes is 1"),
    ],
)
def test_nonsense_is_one_sentence(name: str, options: dict[str, Any], message: str) -> None:
    """An argument that no scene can have is named with what it may be."""
    with pytest.raises(BadInputError, match=message):
        make_world(name, **options)


@pytest.mark.parametrize("shape", [(3, 11), (2, 12)])
def test_actions_of_another_shape_are_refused(shape: tuple[int, int]) -> None:
    """Both shapes are named."""
    with pytest.raises(BadInputError, match=r"they must have \(3, 12\)"):
        make_world("quadruped").step(torch.zeros(shape))


def test_kernels_can_be_compiled_beforehand() -> None:
    """What a build runs beside other things: each kind of scene takes a step."""
    scenes.compile_kernels("cpu")


def test_a_visual_mesh_is_drawn_and_does_not_collide() -> None:
    """It is in the model, once; the trunk still collides as a box, and worlds move as without it."""
    plain, drawn = make_world("cameras"), make_world("cameras", visual_vertices=642)
    model = drawn.mujoco_model
    assert 642 == model.nmeshvert
    mesh = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    assert not model.geom_contype[mesh].any()
    assert not model.geom_conaffinity[mesh].any()
    assert np.isclose(model.body_mass, plain.mujoco_model.body_mass).all()
    assert drawn.model_bytes > 2 * plain.model_bytes
    for _ in range(20):
        plain.step(actions(plain))
        drawn.step(actions(drawn))
    torch.testing.assert_close(plain.qpos, drawn.qpos, atol=1e-4, rtol=1e-4)
    assert not torch.equal(plain.images, drawn.images)


def test_a_visual_mesh_needs_a_volume() -> None:
    """Three points enclose nothing."""
    with pytest.raises(BadInputError, match="do not enclose a volume"):
        make_world("cameras", visual_vertices=3)
