"""The likely cause, against runs whose cause is known because they were made so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, bad_reward, infinite_reading, missing_reading
from stepscope.envs.scenes import quadruped
from stepscope.nans import BadValueError, record

if TYPE_CHECKING:
    from collections.abc import Callable

    Policy = Callable[[torch.Tensor, int], torch.Tensor]


def _cause(env: Any, policy: Policy, *, steps: int = 120, **options: Any) -> str:  # noqa: ANN401 - any environment
    recorded = record(env, folder=None, **options)
    with pytest.raises(BadValueError) as error:
        _run(recorded, policy, steps)
    return error.value.report.cause.name


def _run(env: Any, policy: Policy, steps: int) -> None:  # noqa: ANN401 - as above
    observations, _ = env.reset(seed=0)
    for step in range(steps):
        observations, *_ = env.step(policy(observations, step))
    env.check()


def _random(size: int) -> Policy:
    generator = torch.Generator().manual_seed(0)
    return lambda observations, _: 2 * torch.rand(len(observations), size, generator=generator) - 1


def test_a_policy_that_acts_nan_is_the_cause() -> None:
    """All that it had observed was finite."""
    weights = torch.tensor([1.0, 1.0, 1.0, math.nan])

    def policy(observations: torch.Tensor, step: int) -> torch.Tensor:
        return (observations * (weights if step == 11 else 1.0)).sum(1, keepdim=True)

    assert "the policy" == _cause(CartPole(8, seed=0), policy)


@pytest.mark.parametrize("fault", [infinite_reading, missing_reading])
def test_a_reading_that_is_bad_once_is_a_sensors(fault: Callable[..., Any]) -> None:
    """It was ordinary before, and is ordinary after."""
    env = Faulty(CartPole(8, seed=0), fault(step=20, env=1, column=1))
    assert "a sensor without a reading" == _cause(env, _random(1))


def test_a_bad_reading_of_a_finite_state_is_a_sensors() -> None:
    """Even if it stays bad: the state that is watched beside it says so."""
    env = CartPole(8, seed=0)
    faults = [missing_reading(step=step, env=1) for step in range(20, 60)]
    assert "a sensor without a reading" == _cause(
        Faulty(env, *faults), _random(1), state=lambda: {"poles": env.state}
    )


def test_a_bad_reward_alone_is_a_term_of_it() -> None:
    """Everything else in the step is finite."""
    assert "a term of the reward" == _cause(
        Faulty(CartPole(8, seed=0), bad_reward(step=9, env=2)), _random(1)
    )


def test_too_large_a_timestep_is_an_unstable_simulation() -> None:
    """The velocities grow over several steps under ordinary actions."""
    env = quadruped(16, device="cpu", seed=0, timestep=0.04, substeps=1)
    assert "an unstable simulation" == _cause(env, _random(12))


@pytest.mark.parametrize("gain", [0.1, 0.3, 1.0])
def test_a_policy_that_answers_an_unstable_simulation_is_not_its_cause(gain: float) -> None:
    """A linear policy: its actions are as large as what it observed, and begin to be one step later."""
    env = quadruped(16, device="cpu", seed=0, timestep=0.04, substeps=1)
    weights = gain * torch.randn(37, 12, generator=torch.Generator().manual_seed(0))
    assert "an unstable simulation" == _cause(env, lambda observations, _: observations @ weights)


class _Observed(Faulty):
    """A cart-pole that observes its last action, and does not clip it."""

    single_observation_space = None

    def reset(self, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        observations, infos = self._env.reset(**options)
        return torch.cat([observations, torch.zeros(len(observations), 1)], 1), infos

    def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
        observations, *rest = self._env.step(actions)
        return torch.cat([observations, actions], 1), *rest


def test_an_action_that_feeds_on_itself_is_feedback() -> None:
    """The policy answers its own last action with three times as much."""

    def policy(observations: torch.Tensor, _: int) -> torch.Tensor:
        return 3 * observations[:, 4:] + 0.1

    assert "action feedback" == _cause(_Observed(CartPole(8, seed=0)), policy)


def test_one_action_far_beyond_the_others_is_drastic() -> None:
    """In one environment, in one step, a hundred thousand times as large."""
    env = CartPole(8, seed=0, force_limit=1e7, track_half_length=1e30, angle_limit=1e30)
    ordinary = _random(1)

    def policy(observations: torch.Tensor, step: int) -> torch.Tensor:
        actions = 1e-6 * ordinary(observations, step)
        if step == 30:
            actions[3] = 1.0
        return actions

    assert "a drastic action" == _cause(env, policy, huge=1e4)


def test_the_first_step_of_an_episode_is_a_resets() -> None:
    """The start state of one environment is NaN."""

    class Broken(Faulty):
        def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
            observations, rewards, terminated, *rest = self._env.step(actions)
            return torch.where(terminated[:, None], torch.nan, observations), rewards, terminated, *rest

    assert "a reset" == _cause(Broken(CartPole(8, seed=0)), _random(1))


class _Growing:
    """An environment whose second observation grows tenfold in each step, until the episode ends of it."""

    def __init__(self) -> None:
        self.at = 0

    def reset(self, **_: object) -> tuple[torch.Tensor, dict[str, Any]]:
        return torch.ones(4, 2), {}

    def step(self, _: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.at += 1
        observations = torch.ones(4, 2)
        observations[2, 1] = 10.0**self.at
        ended = torch.tensor([False, False, self.at == 7, False])
        return observations, torch.ones(4), ended, torch.zeros(4, dtype=torch.bool), {}


def test_what_ends_an_episode_is_not_blamed_on_its_beginning() -> None:
    """It grew until then; a reset makes a bad value at once."""
    assert "an unstable simulation" == _cause(_Growing(), lambda *_: torch.ones(4, 1), steps=9, huge=5e6)


def test_an_action_before_any_observation_accuses_nobody_alone() -> None:
    """Whether the policy or what it saw is to blame was not recorded."""
    env = record(CartPole(8, seed=0), folder=None)
    env.env.reset(seed=0)
    env.step(torch.full((8, 1), math.nan))
    with pytest.raises(BadValueError) as error:
        env.check()
    assert "the policy, or what it saw first" == error.value.report.cause.name
