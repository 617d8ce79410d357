"""A few vector steps of any environment; runs in the fresh process of a probe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure import found_by_name, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["roll_out"]

_STEPS = 4  # at least: the first one makes what the later ones use again


def roll_out(
    *, factory: str, num_envs: int, policy: str | None, horizon: int, options: dict[str, Any]
) -> dict[str, int]:
    """Make the environments, step them, and keep a rollout of `horizon` steps if that is not 0.

    Returns
    -------
    dict
        ``before_bytes``, the resident set before the first environment was made, and ``steps``.
    """
    make = found_by_name(factory)
    before = resident_bytes(os.getpid())
    env = make(num_envs=num_envs, **options)
    observations = _first(env.reset())
    act = _random_actions(env, observations) if policy is None else found_by_name(policy)(env)
    rollout: list[Any] = []
    steps = max(_STEPS, horizon)
    for _ in range(steps):
        actions = act(observations)
        found = env.step(actions)
        if len(rollout) < horizon:
            rollout.append(_copied((observations, actions, *found[1:4])))
        observations = found[0]
    _wait()
    return {"before_bytes": before, "steps": steps}


def _first(reset: Any) -> Any:  # noqa: ANN401 - whatever the environment says
    return reset[0] if isinstance(reset, tuple) else reset


def _random_actions(env: Any, observations: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any environment
    """Return a function that draws actions like those that the environment takes, where its observations live."""
    space = getattr(env, "action_space", None)
    if space is None:
        raise BadInputError("the environment has no action_space to draw from; give --policy module:factory.")
    tensor = _a_tensor(observations)
    if tensor is None or not hasattr(space, "low"):
        return lambda _: space.sample()
    import torch  # noqa: PLC0415 - its observations are tensors, so torch is there

    # The limits of one environment: those of all would be another array per environment.
    one = getattr(env, "single_action_space", space)
    low, high = (
        torch.as_tensor(each, device=tensor.device, dtype=torch.float32) for each in (one.low, one.high)
    )
    low, high = low.clamp(min=-1.0), high.clamp(max=1.0)
    shape = tuple(space.shape)
    return lambda _: low + (high - low) * torch.rand(shape, device=tensor.device)


def _a_tensor(value: Any) -> Any:  # noqa: ANN401 - a tensor of any library, or nothing
    """Return a torch tensor from observations, which may be a mapping of several; None if there is none."""
    if isinstance(value, dict):
        return next((found for each in value.values() if (found := _a_tensor(each)) is not None), None)
    torch = sys.modules.get("torch")
    return value if torch is not None and isinstance(value, torch.Tensor) else None


def _copied(value: Any) -> Any:  # noqa: ANN401 - whatever environments return
    """Copy what an environment may write over in its next step."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_copied(each) for each in value]
    for name in ("clone", "copy"):
        if hasattr(value, name):
            return getattr(value, name)()
    return value


def _wait() -> None:
    """Wait for the device: what has not run yet has not taken its memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
