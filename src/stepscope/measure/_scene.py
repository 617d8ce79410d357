"""What a scene of MuJoCo Warp costs: the time of a step, and memory by what it is for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stepscope.measure._compare import Comparison, compare
from stepscope.measure._subprocess import run_in_subprocess
from stepscope.measure._timing import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, device

    from stepscope.measure._timing import Elapsed, Timing

__all__ = ["SceneCost", "SceneCosts", "scene_cost", "scene_costs"]

# Room in which it is seen how much a scene needs; a larger one makes each step longer.
_ROOMS = ({"njmax": 512, "nconmax": 256}, {"njmax": 8192, "nconmax": 4096})
_SPARE = (1.5, 2.0, 3.0)  # times what was needed; what rolls on may need more than while it came to rest
_TRIED = 50  # steps in which it shows whether the room is enough


class _World(Protocol):
    """What is read of a world here; those of :mod:`stepscope.envs.scenes` have it."""

    num_envs: int
    device: device
    rendering: bool
    start_up_seconds: float
    qpos: Tensor
    qvel: Tensor
    ctrl: Tensor
    overflows: dict[str, int]
    num_contacts: int
    num_pairs: int
    most_constraints: int
    model_bytes: int
    data_bytes: int
    render_bytes: int

    def step(self, actions: Tensor) -> object: ...


@dataclass(frozen=True, kw_only=True)
class SceneCost:
    """What a scene costs.

    Attributes
    ----------
    step
        Seconds of a step of all worlds, without rendering.
    rendered_step
        The same with rendering; None where there is no camera.
    model_bytes
        What all worlds share.
    world_bytes
        What each world takes of its own.
    camera_bytes
        What the images of each world take, with what the renderer needs for them.
    contacts
        Most contacts in a world while the scene came to rest, as a mean over the worlds.
    njmax, nconmax
        Room for constraints and for contacts in a world: half more than was needed at most while the scene came to rest,
        and up to three times as much where it later needs that.
    start_up_seconds
        From nothing to the first step: where its kernels are not in Warp's cache, most of it is their compilation. It
        is in none of the times above.
    """

    step: Timing
    rendered_step: Timing | None
    model_bytes: int
    world_bytes: int
    camera_bytes: int
    contacts: float
    njmax: int
    nconmax: int
    start_up_seconds: float


@dataclass(frozen=True, kw_only=True)
class SceneCosts:
    """What variants of a scene cost, measured in turns.

    Attributes
    ----------
    costs
        Name of each variant to what it costs.
    times
        The times of a step: a side for each variant, ``(name, "step")`` and, where it has a camera,
        ``(name, "rendered step")``.
    """

    costs: Mapping[Any, SceneCost]
    times: Comparison


def scene_cost(
    scene: str,
    num_envs: int,
    *,
    options: Mapping[str, Any] | None = None,
    settle: int = 100,
    device: str | None = None,
    limit: float = 900.0,
) -> SceneCost:
    """Measure a scene in a fresh process, at rest and with as much room for contacts as it needs.

    The arguments and the errors are those of `scene_costs`, for one variant with these options.
    """
    found = scene_costs(
        scene, {"": {"num_envs": num_envs, **(options or {})}}, settle=settle, device=device, limit=limit
    )
    return found.costs[""]


def scene_costs(
    scene: str,
    variants: Mapping[Any, Mapping[str, Any]],
    *,
    settle: int = 100,
    thresholds: Sequence[tuple[Any, Any, float]] = (),
    budget: float = 10.0,
    device: str | None = None,
    limit: float = 900.0,
) -> SceneCosts:
    """Measure variants of a scene in one fresh process, each at rest and with as much room for contacts as it needs.

    Each runs once with room for everything, which shows how much it needs; then it is made anew with that, and goes on
    from where it came to rest. At last all are timed in turns. Room that is among the arguments is left as it is.

    Parameters
    ----------
    scene
        A factory of :mod:`stepscope.envs.scenes` that takes ``njmax`` and ``nconmax``, as ``"module:function"``.
    variants
        Name to keyword arguments of the factory, ``num_envs`` among them, as JSON can hold them.
    settle
        Steps that the scene takes to come to rest.
    thresholds, budget
        As for `compare`, of the sides of `SceneCosts.times`.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds. Kernels may have to be compiled.

    Returns
    -------
    SceneCosts
        Times are those of the processor on a CPU, and those of the wall clock on CUDA.

    Raises
    ------
    BadInputError
        The scene refused its arguments.
    MeasurementFailedError
        The process raised, died or took too long.
    """
    names = list(variants)
    found = run_in_subprocess(
        "stepscope.measure._scene:_measure",
        limit=limit,
        scene=scene,
        variants=[dict(variant) for variant in variants.values()],
        settle=settle,
        thresholds=[
            ((names.index(one), part), (names.index(other), than), ratio)
            for (one, part), (other, than), ratio in thresholds
        ],
        budget=budget,
        device=device,
    )
    times = Comparison.from_json(found["times"], names)
    costs = {
        name: SceneCost(
            step=times.seconds((name, "step")),
            rendered_step=times.seconds((name, "rendered step"))
            if (name, "rendered step") in times.rounds[0]
            else None,
            **cost,
        )
        for name, cost in zip(names, found["costs"], strict=True)
    }
    return SceneCosts(costs=costs, times=times)


def _measure(
    *,
    scene: str,
    variants: list[dict[str, Any]],
    settle: int,
    thresholds: list[tuple[tuple[int, str], tuple[int, str], float]],
    budget: float,
    device: str | None,
) -> dict[str, Any]:
    """Measure them here; runs in the fresh process."""
    made = [_at_rest(scene, options={**options, "device": device}, settle=settle) for options in variants]
    times = compare(
        {index: _steps(world) for index, (world, _) in enumerate(made)},
        thresholds=[(tuple(one), tuple(other), ratio) for one, other, ratio in thresholds],
        budget=budget,
    )
    return {"costs": [cost for _, cost in made], "times": times.to_json()}


def _at_rest(scene: str, *, options: dict[str, Any], settle: int) -> tuple[_World, dict[str, Any]]:
    """Make the scene, let it come to rest and give it the room that it needs; return it with what it takes."""
    import importlib  # noqa: PLC0415 - for the fresh process only

    module, _, name = scene.partition(":")
    make = getattr(importlib.import_module(module), name)
    num_envs = options["num_envs"]
    for large in _ROOMS:
        roomy: _World = make(seed=0, **{**large, **options})
        camera, roomy.rendering = roomy.rendering, False
        needed, contacts = _settled(roomy, settle)
        if not _lost(roomy):
            break
    for spare in _SPARE:
        room = {name: options.get(name) or math.ceil(spare * most) for name, most in needed.items()}
        world: _World = make(seed=0, **{**options, **room})
        world.qpos.copy_(roomy.qpos)
        world.qvel.copy_(roomy.qvel)
        world.rendering = False
        for _ in range(_TRIED):
            world.step(_rest(world))
        lost = _lost(world)
        if not lost:
            break
    else:
        raise RuntimeError(f"{scene} has too little room ({', '.join(lost)}) with {room}")
    world.rendering = camera
    return world, {
        "model_bytes": world.model_bytes,
        "world_bytes": world.data_bytes // num_envs,
        "camera_bytes": world.render_bytes // num_envs,
        "contacts": contacts,
        "start_up_seconds": roomy.start_up_seconds,
        **room,
    }


def _lost(world: _World) -> list[str]:
    """Return which room was too little for what a world has done so far."""
    return [name for name in world.overflows if "ITERATIONS" not in name]


def _settled(world: _World, steps: int) -> tuple[dict[str, float], float]:
    """Step until the scene is at rest; return what room it needed at most, and the most contacts of a world."""
    rows = pairs = contacts = 1
    for _ in range(steps):
        world.step(_rest(world))
        rows = max(rows, world.most_constraints)
        pairs = max(pairs, world.num_pairs)
        contacts = max(contacts, world.num_contacts)
    return {"njmax": rows, "nconmax": pairs / world.num_envs}, contacts / world.num_envs


def _steps(world: _World) -> Callable[[], Mapping[str, Elapsed]]:
    """Return a function that tells what a step takes, without and with rendering."""
    import torch  # noqa: PLC0415 - for the fresh process only

    rest, camera = _rest(world), world.rendering
    wait = torch.cuda.synchronize if world.device.type == "cuda" else None
    plain = stopwatch(lambda: world.step(rest), synchronise=wait)
    rendered = stopwatch(lambda: world.step(rest), synchronise=wait)

    def measure() -> dict[str, Elapsed]:
        world.rendering = False
        took = {"step": plain()}
        if camera:
            world.rendering = True
            took["rendered step"] = rendered()
        return took

    return measure


def _rest(world: _World) -> Tensor:
    return world.ctrl.new_zeros(world.ctrl.shape)
