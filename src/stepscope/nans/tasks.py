"""Tasks of Isaac Lab and mjlab by name: factories for ``stepscope replay --env`` and for planning commands."""

from __future__ import annotations

import functools
from typing import Any

from stepscope.errors import BadInputError

__all__ = ["isaaclab", "mjlab"]


def isaaclab(num_envs: int, *, task: str, device: str = "cpu", **settings: Any) -> Any:  # noqa: ANN401 - Isaac Lab's own
    """Create a task of Isaac Lab 3.0, without a viewer.

    Parameters
    ----------
    num_envs
        Number of environments.
    task
        Name under which it is registered, such as ``Isaac-Cartpole-Direct``.
    device
        Device of the simulation.
    **settings
        Further settings by their path in the task's configuration, such as ``sim.dt`` or ``decimation``: what training
        sets as ``env.sim.dt=…``.

    Raises
    ------
    BadInputError
        There is no such setting.
    """
    import gymnasium  # noqa: PLC0415 - with Isaac Lab
    import isaaclab_tasks  # noqa: F401, PLC0415 - registers the tasks
    from isaaclab.app import launch_simulation  # noqa: PLC0415
    from isaaclab_tasks.utils import parse_env_cfg  # noqa: PLC0415

    config = parse_env_cfg(task, device=device, num_envs=num_envs)
    _apply(config, settings)
    # Its application, where it needs one, lasts as long as the process.
    launch_simulation(config, {"device": device}).__enter__()
    return gymnasium.make(task, cfg=config)


def mjlab(num_envs: int, *, task: str, device: str = "cpu", **settings: Any) -> Any:  # noqa: ANN401 - mjlab's own
    """Create a task of mjlab.

    Parameters
    ----------
    num_envs
        Number of environments.
    task
        Name under which it is registered, such as ``Mjlab-Cartpole-Balance``.
    device
        Device of the simulation.
    **settings
        Further settings by their path in the task's configuration, such as ``sim.mujoco.timestep``.

    Raises
    ------
    BadInputError
        There is no such setting.
    """
    import mjlab.tasks  # noqa: F401, PLC0415 - registers the tasks
    from mjlab.envs import ManagerBasedRlEnv  # noqa: PLC0415
    from mjlab.tasks.registry import load_env_cfg  # noqa: PLC0415

    config = load_env_cfg(task)
    config.scene.num_envs = num_envs
    _apply(config, settings)
    return ManagerBasedRlEnv(cfg=config, device=device)


def _apply(config: Any, settings: dict[str, Any]) -> None:  # noqa: ANN401 - as above
    for path, value in settings.items():
        *parents, name = path.split(".")
        owner = functools.reduce(lambda part, parent: getattr(part, parent, None), parents, config)
        if not hasattr(owner, name):
            raise BadInputError(f"the task has no setting {path!r}.")
        setattr(owner, name, value)
