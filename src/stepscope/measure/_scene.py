"""What a scene of MuJoCo Warp costs: the time of a step, and memory by what it is for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stepscope.measure._fresh import fresh
from stepscope.measure._timing import Timing, time_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, device

__all__ = ["SceneCost", "scene_cost"]

# Room that no scene of ours fills, in which it is seen how much it needs.
_ROOM = {"njmax": 4096, "nconmax": 1024}
_SPARE = (1.5, 2.0, 3.0)  # times what was needed; what rolls on may need more than while it came to rest


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


def scene_cost(
    scene: str,
    num_envs: int,
    *,
    options: Mapping[str, Any] | None = None,
    settle: int = 100,
    device: str | None = None,
    limit: float = 400.0,
) -> SceneCost:
    """Measure a scene in a fresh process, at rest and with as much room for contacts as it needs.

    The scene runs once with room for everything, which shows how much it needs; then it is made anew with that, goes on
    from where the first one came to rest, and is timed. Room that is among the options is left as it is.

    Parameters
    ----------
    scene
        A factory of :mod:`stepscope.envs.scenes` that takes ``njmax`` and ``nconmax``, as ``"module:function"``.
    num_envs
        How many worlds.
    options
        Its keyword arguments, as JSON can hold them.
    settle
        Steps that the scene takes to come to rest.
    device
        None is CUDA where there is one, else the CPU, with one thread.
    limit
        Time after which the process is killed, in seconds. Kernels may have to be compiled.

    Raises
    ------
    BadInputError
        The scene refused its arguments.
    MeasurementFailedError
        The process raised, died or took too long.
    """
    result = fresh(
        "stepscope.measure._scene:_measure",
        limit=limit,
        scene=scene,
        num_envs=num_envs,
        options={**(options or {}), "device": device},
        settle=settle,
    )
    rendered = result.pop("rendered_step")
    return SceneCost(
        step=Timing(**result.pop("step")),
        rendered_step=None if rendered is None else Timing(**rendered),
        **result,
    )


def _measure(*, scene: str, num_envs: int, options: dict[str, Any], settle: int) -> dict[str, Any]:
    """Measure it here; runs in the fresh process."""
    import importlib  # noqa: PLC0415 - this and torch are for the fresh process only

    module, _, name = scene.partition(":")
    make = getattr(importlib.import_module(module), name)
    roomy: _World = make(num_envs, seed=0, **{**_ROOM, **options})
    camera, roomy.rendering = roomy.rendering, False
    needed, contacts = _settled(roomy, settle)
    for spare in _SPARE:
        room = {name: options.get(name) or math.ceil(spare * most) for name, most in needed.items()}
        world: _World = make(num_envs, seed=0, **{**options, **room})
        world.qpos.copy_(roomy.qpos)
        world.qvel.copy_(roomy.qvel)
        world.rendering = False
        step = _timed(world)
        lost = [name for name in world.overflows if "ITERATIONS" not in name]
        if not lost:
            break
    else:
        raise RuntimeError(f"{scene} has too little room ({', '.join(lost)}) with {room}")
    world.rendering = camera
    return {
        "step": step,
        "rendered_step": _timed(world) if camera else None,
        "model_bytes": world.model_bytes,
        "world_bytes": world.data_bytes // num_envs,
        "camera_bytes": world.render_bytes // num_envs,
        "contacts": contacts,
        "start_up_seconds": roomy.start_up_seconds,
        **room,
    }


def _settled(world: _World, steps: int) -> tuple[dict[str, float], float]:
    """Step until the scene is at rest; return what room it needed at most, and the most contacts of a world."""
    rows = pairs = contacts = 1
    for _ in range(steps):
        world.step(_rest(world))
        rows = max(rows, world.most_constraints)
        pairs = max(pairs, world.num_pairs)
        contacts = max(contacts, world.num_contacts)
    return {"njmax": rows, "nconmax": pairs / world.num_envs}, contacts / world.num_envs


def _timed(world: _World) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    rest = _rest(world)
    synchronise = torch.cuda.synchronize if world.device.type == "cuda" else lambda: None
    return asdict(time_blocks(lambda: world.step(rest), synchronise=synchronise))


def _rest(world: _World) -> Tensor:
    return world.ctrl.new_zeros(world.ctrl.shape)
