"""Names of the columns of a MuJoCo model's positions, velocities and actions."""

from __future__ import annotations

from typing import Any

__all__ = ["action_names", "state_names"]

# By the type of a joint, as MuJoCo counts them: free, ball, slide, hinge.
_POSITIONS = (("x", "y", "z", "qw", "qx", "qy", "qz"), ("qw", "qx", "qy", "qz"), ("",), ("",))
_VELOCITIES = (("vx", "vy", "vz", "wx", "wy", "wz"), ("wx", "wy", "wz"), ("velocity",), ("velocity",))


def state_names(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - MuJoCo has no types
    """Return the names of all positions, then of all velocities: ``knee``, ``knee_velocity``, ``trunk_x``.

    A joint without a name is called by its body and its number.
    """
    joints = [_joint(model, joint) for joint in range(model.njnt)]
    return tuple(
        "_".join(filter(None, (name, part)))
        for parts in (_POSITIONS, _VELOCITIES)
        for kind, name in joints
        for part in parts[kind]
    )


def _joint(model: Any, joint: int) -> tuple[int, str]:  # noqa: ANN401 - as above
    name = model.joint(joint).name or f"{model.body(model.jnt_bodyid[joint]).name or 'joint'}{joint}"
    return int(model.jnt_type[joint]), name


def action_names(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - as above
    """Return the names of all actuators; one without a name is called by the joint that it moves, or its number."""
    joints = [model.actuator_trnid[number, 0] for number in range(model.nu)]
    on_joint = [model.actuator_trntype[number] == 0 for number in range(model.nu)]
    return tuple(
        model.actuator(number).name
        or (_joint(model, joints[number])[1] if on_joint[number] else f"actuator{number}")
        for number in range(model.nu)
    )
