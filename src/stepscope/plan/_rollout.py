"""A few vector steps of any environment, in the process of a probe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from stepscope._common.callables import resolve_callable
from stepscope.errors import BadInputError
from stepscope.measure import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["roll_out"]

_STEPS = 4  # at least: the first one allocates what the later ones use again


def roll_out(
    *, factory: str, num_envs: int, policy: str | None, horizon: int, options: dict[str, Any]
) -> dict[str, int]:
    """Make the environments, step them, and keep a rollout of `horizon` steps if that is not 0.

    Returns
    -------
    dict
        ``before_bytes``, the resident set before the first environment was made, and ``steps``.
    """
    make = resolve_callable(factory)
    before = resident_bytes(os.getpid())
    env = make(num_envs=num_envs, **options)
    observations = _without_info(env.reset())  # no name holds them beyond the first step
    act = _random_actions(env, observations) if policy is None else resolve_callable(policy)(env)
    rollout: list[Any] = []
    steps = max(_STEPS, horizon)
    for _ in range(steps):
        actions = act(observations)
        result = env.step(actions)
        if len(rollout) < horizon:
            rollout.append(_copy((observations, actions, *result[1:4])))
        observations = result[0]
    _synchronise()
    return {"before_bytes": before, "steps": steps}


def _without_info(reset: Any) -> Any:  # noqa: ANN401 - whatever the environment returns
    return reset[0] if isinstance(reset, tuple) else reset


def _random_actions(env: Any, observations: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any environment
    """Return a function that draws actions of the environment, on the device of its observations."""
    space = getattr(env, "action_space", None)
    if space is None:
        raise BadInputError(
            "the environment has no action_space to sample from; give --policy module:factory."
        )
    tensor = _find_tensor(observations)
    if tensor is None or not hasattr(space, "low"):
        return lambda _: space.sample()
    import torch  # noqa: PLC0415 - its observations are tensors, so torch is there

    # The limits of one environment: those of all would be another array per environment.
    one = getattr(env, "single_action_space", space)
    low, high = (
        torch.as_tensor(limit, device=tensor.device, dtype=torch.float32) for limit in (one.low, one.high)
    )
    low, high = low.clamp(min=-1.0), high.clamp(max=1.0)
    shape = tuple(space.shape)
    return lambda _: low + (high - low) * torch.rand(shape, device=tensor.device)


def _find_tensor(value: Any) -> Any:  # noqa: ANN401 - a tensor of any library, or nothing
    """Return a torch tensor among observations, which may be a mapping of several; None if there is none."""
    if isinstance(value, dict):
        return next((tensor for item in value.values() if (tensor := _find_tensor(item)) is not None), None)
    torch = sys.modules.get("torch")
    return value if torch is not None and isinstance(value, torch.Tensor) else None


def _copy(value: Any) -> Any:  # noqa: ANN401 - whatever environments return
    """Copy what an environment may overwrite in its next step."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_copy(item) for item in value]
    for name in ("clone", "copy"):
        if hasattr(value, name):
            return getattr(value, name)()
    return value


def _synchronise() -> None:
    """Wait for the device: a kernel takes its memory when it runs."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
