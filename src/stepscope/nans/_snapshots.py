"""Snapshots of environments: their own, or the state of the scene that Isaac Lab and mjlab simulate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from stepscope._common.callables import accepts
from stepscope.nans._foreign import safe_getattr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["restore_of", "snapshot_of"]

_SCENE = "scene/"
_MANAGED = ("episode_length_buf", "action_manager.action", "action_manager.prev_action")
"""Tensors that environments of Isaac Lab and mjlab keep besides the scene, and that observations and ends depend on."""
_TARGETS = {
    "position": "joint_pos_target",
    "velocity": "joint_vel_target",
    "effort": "joint_effort_target",
}
"""Names of the targets of an articulation's joints: of its actuators' command, and of its data before Isaac Lab 3.0."""
_MUJOCO = ("time", "qpos", "qvel", "act", "ctrl", "qacc_warmstart", "mocap_pos", "mocap_quat")
"""State from which MuJoCo continues; an mjlab environment has all of it in ``sim.data``."""


def snapshot_of(env: Any) -> Callable[[], Any] | None:  # noqa: ANN401 - any environment
    """Return a function that takes a snapshot of an environment, or None where there is none.

    That is its method ``snapshot`` without arguments; in Isaac Lab ``scene.get_state``, relative to each environment's
    origin; in mjlab the fields of ``sim.data``.
    """
    managed = safe_getattr(env, "unwrapped")
    for owner in (env, managed):  # a wrapper of Gymnasium passes on no attribute
        method = safe_getattr(owner, "snapshot")
        if callable(method) and accepts(method):
            return method
    if _has_scene_state(managed):
        return lambda: _copies({**_scene_state(managed), **_managed_tensors(managed)})
    if _has_mujoco_data(managed):
        return lambda: _copies({**_mujoco_tensors(managed), **_managed_tensors(managed)})
    return None


def restore_of(env: Any) -> Callable[[Mapping[str, Any]], None] | None:  # noqa: ANN401 - as above
    """Return a function that restores a snapshot of `snapshot_of`, or None where there is none."""
    managed = safe_getattr(env, "unwrapped")
    for owner in (env, managed):
        method = safe_getattr(owner, "restore")
        if callable(method):
            return method
    if _has_scene_state(managed):
        return lambda snapshot: _restore_scene(managed, snapshot)
    if _has_mujoco_data(managed):
        return lambda snapshot: _restore_mujoco(managed, snapshot)
    return None


def _has_scene_state(managed: Any) -> bool:  # noqa: ANN401 - as above
    scene = safe_getattr(managed, "scene")
    return callable(safe_getattr(scene, "get_state")) and callable(safe_getattr(scene, "reset_to"))


def _has_mujoco_data(managed: Any) -> bool:  # noqa: ANN401 - as above
    data = safe_getattr(safe_getattr(managed, "sim"), "data")
    return safe_getattr(data, "qpos") is not None and safe_getattr(data, "qvel") is not None


def _copies(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """Copy tensors, since a simulation writes into its own."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _scene_state(managed: Any) -> dict[str, Tensor]:  # noqa: ANN401 - as above
    return {**dict(_leaves(managed.scene.get_state(is_relative=True), _SCENE)), **_targets(managed)}


def _targets(managed: Any) -> dict[str, Tensor]:  # noqa: ANN401 - as above
    """Return the targets of all joints, which `scene.reset_to` overwrites with the joints' state."""
    found = {}
    for name, articulation in (safe_getattr(managed.scene, "articulations") or {}).items():
        command = safe_getattr(safe_getattr(articulation, "actuators"), "target_command")
        data = safe_getattr(articulation, "data")
        for kind, former in _TARGETS.items():
            value = safe_getattr(data, former) if command is None else safe_getattr(command, kind)
            tensor = safe_getattr(value, "torch", value)
            if isinstance(tensor, Tensor):
                found[f"targets/{name}/{kind}"] = tensor
    return found


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401 - nested dictionaries
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name}{key}" if name == _SCENE else f"{name}/{key}")
    else:
        yield name, value


def _managed_tensors(managed: Any) -> dict[str, Tensor]:  # noqa: ANN401 - as above
    found = {}
    for path in _MANAGED:
        value = managed
        for part in path.split("."):
            value = safe_getattr(value, part)
        if isinstance(value, Tensor):
            found[path] = value
    return found


def _mujoco_tensors(managed: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    values = {name: safe_getattr(managed.sim.data, name) for name in _MUJOCO}
    return {f"{_SCENE}{name}": value[:] for name, value in values.items() if value is not None}


def _restore_scene(managed: Any, snapshot: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
    def same(value: Any, name: str) -> Any:  # noqa: ANN401 - nested dictionaries
        if isinstance(value, Mapping):
            return {
                key: same(part, f"{name}{key}" if name == _SCENE else f"{name}/{key}")
                for key, part in value.items()
            }
        return _required(snapshot, name, value)

    state = same(managed.scene.get_state(is_relative=True), _SCENE)
    managed.scene.reset_to(state, is_relative=True)
    for name, value in _targets(managed).items():
        value.copy_(_required(snapshot, name, value))
    managed.scene.write_data_to_sim()
    managed.sim.forward()
    _restore_managed(managed, snapshot)


def _restore_mujoco(managed: Any, snapshot: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
    for name, value in _mujoco_tensors(managed).items():
        value.copy_(_required(snapshot, name, value))
    managed.sim.forward()
    _restore_managed(managed, snapshot)


def _restore_managed(managed: Any, snapshot: Mapping[str, Any]) -> None:  # noqa: ANN401 - as above
    for name, value in _managed_tensors(managed).items():
        if name in snapshot:
            value.copy_(_required(snapshot, name, value))


def _required(snapshot: Mapping[str, Any], name: str, own: Tensor) -> Tensor:
    """Return a tensor of the snapshot that has the shape of the environment's own."""
    tensor = snapshot.get(name)
    if tensor is None or tensor.shape != own.shape:
        raise ValueError(f"the snapshot has no {name} of shape {tuple(own.shape)}")
    return tensor.to(own.device)
