"""Networks that are watched beside the environment."""

from __future__ import annotations

import math

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.nans import BadValueError, BadValueWarning, BadUpdateError, Recorder, record


def _step(env: Recorder, times: int) -> None:
    for _ in range(times):
        env.step(torch.zeros(4, 1))


def _watched(on_bad: str = "raise") -> tuple[Recorder, torch.nn.Module]:
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ELU(), torch.nn.Linear(8, 1))
    env = record(CartPole(4, seed=0), folder=None, on_bad=on_bad)
    env.watch(network, "actor")
    env.reset(seed=0)
    return env, network


def test_the_first_bad_parameter_is_named() -> None:
    """With its share, and the step after which it was seen; the environment is not to blame."""
    env, network = _watched()
    _step(env, 10)
    with torch.no_grad():
        network[2].weight[0, :2] = math.nan
    with pytest.raises(
        BadUpdateError, match=r"2.weight of actor is not finite \(25 %\), seen in update 0, after step 15"
    ):
        _step(env, 10)


def test_an_update_that_breaks_the_gradient_is_found_before_the_weights() -> None:
    """A real backward pass through a real infinity."""
    env, network = _watched()
    _step(env, 3)
    (network(torch.ones(4, 4)) / 0).sum().backward()
    with pytest.raises(BadUpdateError, match=r"the gradient of 0.weight of actor") as error:
        env.look()
    assert "gradient" == error.value.bad.what


def test_a_bad_value_comes_before_the_weights_that_it_broke() -> None:
    """Both are bad in the same look: what the environment was given is the cause."""
    env, network = _watched()
    actions = torch.zeros(4, 1)
    actions[2] = math.nan
    env.step(actions)
    with torch.no_grad():
        network[0].bias.fill_(math.nan)
    with pytest.raises(BadValueError):
        _step(env, 10)


def test_a_warning_comes_once() -> None:
    """With on_bad="warn" the training goes on."""
    env, network = _watched("warn")
    with torch.no_grad():
        network[0].bias.fill_(math.inf)
    with pytest.warns(BadValueWarning, match="0.bias of actor") as said:
        _step(env, 40)
    assert 1 == len(said)


def test_a_healthy_network_is_not_accused() -> None:
    """With gradients and without."""
    env, network = _watched()
    _step(env, 16)
    network(torch.ones(4, 4)).sum().backward()
    _step(env, 16)
    assert env.look() is None
