"""Scenes of contacts, collision shapes, a deformable and a camera, simulated by MuJoCo Warp in many worlds.

Each function makes an environment; all arguments after ``num_envs`` can be written in JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.envs import _mjcf
from stepscope.envs._shapes import SHAPES, ellipsoid, geoms
from stepscope.envs._step import validate_integer
from stepscope.envs._world import Physics, Task, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["Physics", "Task", "World", "cameras", "compile_kernels", "deformable", "pile", "quadruped"]

_OBJECT = 0.06  # m, radius of an object of the pile
_TRUNK = (0.24, 0.1, 0.06)  # m, half axes of the mesh that is drawn for a trunk
_FALLEN = 0.14  # m: a trunk this low lies on the ground


def quadruped(
    num_envs: int,
    *,
    device: str | None = None,
    seed: int | None = None,
    timestep: float = 0.005,
    substeps: int = 4,
    solver: str = "newton",
    iterations: int = 10,
    ls_iterations: int = 20,
    njmax: int | None = 96,
    nconmax: int | None = 24,
    episode_length: int = 1000,
) -> World:
    """Make quadrupeds of 12 kg with 12 actuated joints, which are rewarded for walking forward.

    Parameters
    ----------
    num_envs
        Number of worlds.
    device, seed, episode_length
        As those of :class:`stepscope.envs.CartPole`.
    timestep, substeps, solver, iterations, ls_iterations, njmax, nconmax
        Settings of the simulator: see :class:`Physics`. A step of the environment takes ``timestep * substeps`` seconds.

    Returns
    -------
    World
        Its actions are the targets of the joints, ±0.5 rad about a crouch; its reward is the trunk's velocity along
        x, in m/s; an episode ends where the trunk lies on the ground.

    Raises
    ------
    BadInputError
        If an argument is out of range, or MuJoCo Warp is not installed.
    """
    physics = Physics(
        timestep=timestep,
        substeps=substeps,
        solver=solver,
        iterations=iterations,
        ls_iterations=ls_iterations,
        njmax=njmax,
        nconmax=nconmax,
    )
    return World(
        _mjcf.quadruped(),
        num_envs,
        physics=physics,
        task=_walking(episode_length),
        device=device,
        seed=seed,
    )


def cameras(
    num_envs: int,
    *,
    width: int = 64,
    height: int = 64,
    visual_vertices: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    timestep: float = 0.005,
    substeps: int = 4,
    njmax: int | None = 96,
    nconmax: int | None = 24,
    episode_length: int = 1000,
) -> World:
    """Make quadrupeds that a camera follows, whose images are rendered at every step.

    Parameters
    ----------
    num_envs
        Number of worlds.
    width, height
        Of an image, in pixels.
    visual_vertices
        Number of points of a mesh that is drawn in place of the trunk and does not collide; None draws the trunk's
        box.
    device, seed, timestep, substeps, njmax, nconmax, episode_length
        As those of :func:`quadruped`.

    Returns
    -------
    World
        With `images` and `depths`; ``rendering = False`` switches the renderer off.

    Raises
    ------
    BadInputError
        If an argument is out of range, or MuJoCo Warp is not installed.
    """
    size = (validate_integer("width", width), validate_integer("height", height))
    visual = (
        None
        if visual_vertices is None
        else ellipsoid(validate_integer("visual_vertices", visual_vertices), _TRUNK)
    )
    physics = Physics(
        timestep=timestep, substeps=substeps, iterations=10, ls_iterations=20, njmax=njmax, nconmax=nconmax
    )
    return World(
        _mjcf.quadruped(camera=size, visual=visual),
        num_envs,
        physics=physics,
        task=_walking(episode_length),
        device=device,
        seed=seed,
        images=size,
    )


def pile(
    num_envs: int,
    *,
    shape: str = "sphere",
    objects: int = 6,
    vertices: int = 162,
    pieces: int = 8,
    device: str | None = None,
    seed: int | None = None,
    timestep: float = 0.005,
    substeps: int = 1,
    solver: str = "newton",
    iterations: int = 20,
    ls_iterations: int = 20,
    njmax: int | None = 384,
    nconmax: int | None = 96,
    episode_length: int = 1000,
) -> World:
    """Make heaps of objects whose collision shape can be exchanged.

    Parameters
    ----------
    num_envs
        Number of heaps.
    shape
        ``"sphere"``, ``"box"``, ``"capsule"``, ``"mesh"``: one convex mesh; or ``"pieces"``: several, as a
        decomposition of a detailed mesh gives them. All have the volume of a ball of 6 cm radius, or nearly.
    objects
        In each heap, from 1.
    vertices, pieces
        Number of points on the surface of an object, and of convex parts that it is cut into.
    device, seed, timestep, substeps, solver, iterations, ls_iterations, njmax, nconmax, episode_length
        As those of :func:`quadruped`.

    Returns
    -------
    World
        Its action is a vertical force on the first object, ±20 N.

    Raises
    ------
    BadInputError
        If an argument is out of range, or MuJoCo Warp is not installed.
    """
    form = geoms(
        shape,
        size=_OBJECT,
        vertices=validate_integer("vertices", vertices),
        pieces=validate_integer("pieces", pieces),
    )
    physics = Physics(
        timestep=timestep,
        substeps=substeps,
        solver=solver,
        iterations=iterations,
        ls_iterations=ls_iterations,
        njmax=njmax,
        nconmax=nconmax,
    )
    return World(
        _mjcf.pile(form, objects=validate_integer("objects", objects), size=_OBJECT),
        num_envs,
        physics=physics,
        task=Task(episode_length=episode_length),
        device=device,
        seed=seed,
    )


def deformable(
    num_envs: int,
    *,
    nodes: int | None = 3,
    young: float = 2e4,
    poisson: float = 0.2,
    device: str | None = None,
    seed: int | None = None,
    timestep: float = 0.002,
    substeps: int = 1,
    iterations: int = 20,
    njmax: int | None = 1024,
    nconmax: int | None = 256,
    episode_length: int = 1000,
) -> World:
    """Make blocks under a press, soft or rigid.

    Parameters
    ----------
    num_envs
        Number of blocks.
    nodes
        Nodes along each edge of a soft block, from 2, with three positions each; None is a rigid block.
    young, poisson
        Young's modulus, in Pa, and Poisson's ratio.
    device, seed, timestep, substeps, iterations, njmax, nconmax, episode_length
        As those of :func:`quadruped`.

    Returns
    -------
    World
        Its action is the target of the plate, ±10 cm about 5 mm above the block.

    Raises
    ------
    BadInputError
        If an argument is out of range, or MuJoCo Warp is not installed.
    """
    if nodes is not None:
        validate_integer("nodes", nodes, least=2, also=", or None for a rigid block")
    physics = Physics(
        timestep=timestep,
        substeps=substeps,
        solver="cg",
        integrator="discrete",
        iterations=iterations,
        njmax=njmax,
        nconmax=nconmax,
    )
    return World(
        _mjcf.press(nodes=nodes, young=young, poisson=poisson),
        num_envs,
        physics=physics,
        task=Task(episode_length=episode_length),
        device=device,
        seed=seed,
    )


def _walking(episode_length: int) -> Task:
    def forward(qpos: Tensor, qvel: Tensor) -> Tensor:  # noqa: ARG001 - a reward sees both
        return qvel[:, 0].clone()

    def fallen(qpos: Tensor) -> Tensor:
        return qpos[:, 2] < _FALLEN

    return Task(reward=forward, failed=fallen, episode_length=episode_length)


def compile_kernels(device: str | None = None) -> None:
    """Step each kind of scene once, so that Warp compiles the kernels of all and keeps them in its cache.

    Parameters
    ----------
    device
        As for the scenes; None is CUDA where there is one.
    """
    worlds: tuple[Callable[[], World], ...] = (
        lambda: quadruped(1, device=device),
        lambda: cameras(1, device=device),
        *(lambda shape=shape: pile(1, shape=shape, device=device) for shape in SHAPES),
        lambda: deformable(1, nodes=None, device=device),
        lambda: deformable(1, nodes=3, device=device),
    )
    for make in worlds:
        world = make()
        world.step(world.ctrl.new_zeros(world.ctrl.shape))


if __name__ == "__main__":
    compile_kernels()
