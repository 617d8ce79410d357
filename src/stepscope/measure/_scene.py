"""Cost of a scene in MuJoCo Warp: time of a step, and memory by what it is for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stepscope._common.callables import resolve_callable
from stepscope.measure._compare import Comparison, compare
from stepscope.measure._subprocess import run_in_subprocess
from stepscope.measure._timing import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, device

    from stepscope.measure._timing import Elapsed, Timing

__all__ = ["SceneCost", "SceneCosts", "scene_cost", "scene_costs"]

# Buffers in which it is seen how much a scene needs; larger ones make each step longer.
_BUFFERS = ({"njmax": 512, "nconmax": 256}, {"njmax": 8192, "nconmax": 4096})
_SPARE = (1.5, 2.0, 3.0)  # times what was needed; what rolls on may need more than while it came to rest
_TRIED = 50  # steps in which it shows whether the buffers are large enough


class _World(Protocol):
    """Attributes of a scene that are read here; those of :mod:`stepscope.envs.scenes` have it."""

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
    """Cost of a scene.

    Attributes
    ----------
    step
        Seconds of a step of all worlds, without rendering.
    rendered_step
        The same with rendering; None where there is no camera.
    model_bytes
        What all worlds share.
    world_bytes
        What each world takes for itself.
    camera_bytes
        What the images of each world take, with what the renderer needs for them.
    contacts
        Most contacts in a world while the scene came to rest, as a mean over the worlds.
    njmax, nconmax
        Buffer sizes for constraints and for contacts in a world: half more than was needed at most while the scene came to rest,
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
    """Costs of variants of a scene, measured in turns.

    Attributes
    ----------
    costs
        Name of each variant to its cost.
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
    """Measure a scene in a fresh process, at rest and with buffers as large as it needs.

    The arguments and the errors are those of `scene_costs`, for one variant with these options.
    """
    variant = {"num_envs": num_envs, **(options or {})}
    return scene_costs(scene, {"": variant}, settle=settle, device=device, limit=limit).costs[""]


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
    """Measure variants of a scene in one fresh process, each at rest and with buffers as large as it needs.

    Each runs once with large buffers, which shows how much it needs; then it is made anew with that, and continues from
    where it came to rest. At last all are timed in turns. Buffer sizes among the arguments are left as they are.

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
        Processor time on a CPU, wall time on CUDA.

    Raises
    ------
    BadInputError
        The scene refused its arguments.
    MeasurementFailedError
        The process raised, died or took too long.
    """
    names = list(variants)
    data = run_in_subprocess(
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
    times = Comparison.from_json(data["times"], names)
    costs = {
        name: SceneCost(
            step=times.seconds((name, "step")),
            rendered_step=times.seconds((name, "rendered step"))
            if (name, "rendered step") in times.rounds[0]
            else None,
            **cost,
        )
        for name, cost in zip(names, data["costs"], strict=True)
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
    """Measure the variants; runs in the fresh process, where torch is imported."""
    scenes = [
        _make_at_rest(scene, options={**options, "device": device}, settle=settle) for options in variants
    ]
    times = compare(
        {index: _time_steps(world) for index, (world, _) in enumerate(scenes)},
        thresholds=[(tuple(one), tuple(other), ratio) for one, other, ratio in thresholds],
        budget=budget,
    )
    return {"costs": [cost for _, cost in scenes], "times": times.to_json()}


def _make_at_rest(scene: str, *, options: dict[str, Any], settle: int) -> tuple[_World, dict[str, Any]]:
    """Make the scene, let it come to rest and give it buffers as large as it needs; return it with its cost."""
    make = resolve_callable(scene)
    num_envs = options["num_envs"]
    for large in _BUFFERS:
        probe: _World = make(seed=0, **{**large, **options})
        camera, probe.rendering = probe.rendering, False
        needed, contacts = _settle(probe, settle)
        if not _overflows(probe):
            break
    for spare in _SPARE:
        sizes = {name: options.get(name) or math.ceil(spare * most) for name, most in needed.items()}
        world: _World = make(seed=0, **{**options, **sizes})
        world.qpos.copy_(probe.qpos)
        world.qvel.copy_(probe.qvel)
        world.rendering = False
        for _ in range(_TRIED):
            world.step(_rest(world))
        overflows = _overflows(world)
        if not overflows:
            break
    else:
        raise RuntimeError(f"the buffers of {scene} overflow ({', '.join(overflows)}) with {sizes}")
    world.rendering = camera
    return world, {
        "model_bytes": world.model_bytes,
        "world_bytes": world.data_bytes // num_envs,
        "camera_bytes": world.render_bytes // num_envs,
        "contacts": contacts,
        "start_up_seconds": probe.start_up_seconds,
        **sizes,
    }


def _overflows(world: _World) -> list[str]:
    """Return which buffers of a world have overflowed so far."""
    return [name for name in world.overflows if "ITERATIONS" not in name]


def _settle(world: _World, steps: int) -> tuple[dict[str, float], float]:
    """Step until the scene is at rest; return the largest buffers that it needed, and the most contacts of a world."""
    rows = pairs = contacts = 1
    for _ in range(steps):
        world.step(_rest(world))
        rows = max(rows, world.most_constraints)
        pairs = max(pairs, world.num_pairs)
        contacts = max(contacts, world.num_contacts)
    return {"njmax": rows, "nconmax": pairs / world.num_envs}, contacts / world.num_envs


def _time_steps(world: _World) -> Callable[[], Mapping[str, Elapsed]]:
    """Return a function that times a step, without and with rendering."""
    import torch  # noqa: PLC0415 - for the fresh process only

    rest, camera = _rest(world), world.rendering
    wait = torch.cuda.synchronize if world.device.type == "cuda" else None
    plain = stopwatch(lambda: world.step(rest), synchronise=wait)
    rendered = stopwatch(lambda: world.step(rest), synchronise=wait)

    def measure() -> dict[str, Elapsed]:
        world.rendering = False
        times = {"step": plain()}
        if camera:
            world.rendering = True
            times["rendered step"] = rendered()
        return times

    return measure


def _rest(world: _World) -> Tensor:
    return world.ctrl.new_zeros(world.ctrl.shape)
