"""Training in a fresh process on a virtual clock that the library reads, too."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from stepscope.envs import CartPole
from stepscope.train.experiments.timing import _split, _train
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable

STEP, POLICY, LEARN = 4e-3, 3e-3, 2e-3
"""Seconds of an environment step, of asking for actions, and of one step of the optimiser."""

_POLICIES = {
    "rl_games": "rl_games.algos_torch.a2c_continuous:A2CAgent.get_action_values",
    "rsl_rl": "rsl_rl.algorithms:PPO.act",
    "skrl": "skrl.agents.torch.ppo:PPO.act",
    "sb3": "stable_baselines3.common.policies:ActorCriticPolicy.forward",
}


def train(*, library: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - those of `time_training`
    """Train while time passes in steps, in the policy and in the optimiser, and nowhere else."""
    _slow_down(library)
    return _train(library=library, **options)


def split(*, library: str, **options: Any) -> dict[str, float]:  # noqa: ANN401 - those of `_split`
    """Return the seconds of each part of an iteration on the same clock."""
    _slow_down(library)
    parts = _split(library=library, device="cpu", **options)()
    assert all(elapsed.cpu == pytest.approx(elapsed.wall) for elapsed in parts.values())
    return {part: elapsed.wall for part, elapsed in parts.items()}


def _slow_down(library: str) -> None:
    """Replace the clocks, and let time pass in each step, in the policy and in the optimiser."""
    clock = VirtualTime()
    clock.install()
    import tqdm  # noqa: PLC0415 - its clock is replaced, too

    tqdm.std.time = clock
    tqdm.tqdm.monitor_interval = 0
    module, _, name = _POLICIES[library].partition(":")
    agent, _, method = name.partition(".")
    for owner, called, seconds in (
        (CartPole, "step", STEP),
        (getattr(importlib.import_module(module), agent), method, POLICY),
        (importlib.import_module("torch.optim").Adam, "step", LEARN),
    ):
        setattr(owner, called, _taking(getattr(owner, called), clock, seconds))


def _taking(function: Callable[..., Any], clock: VirtualTime, seconds: float) -> Callable[..., Any]:
    inside = False

    def slow(*arguments: object, **options: object) -> Any:  # noqa: ANN401 - whatever it returns
        nonlocal inside
        if inside:  # the environment calls itself when it finds itself in inference mode
            return function(*arguments, **options)
        inside = True
        clock.advance(seconds)
        try:
            return function(*arguments, **options)
        finally:
            inside = False

    return slow
