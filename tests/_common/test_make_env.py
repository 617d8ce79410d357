"""Environments made by a factory."""

from __future__ import annotations

import pytest

from stepscope._common.callables import make_env
from stepscope.errors import BadInputError


def test_a_factory_is_told_the_device() -> None:
    """A factory that takes a device gets the one that is measured, unless an option says another."""
    env = make_env("stepscope.envs:CartPole", num_envs=3, device="cpu", options={"seed": 1})
    assert (3, "cpu") == (env.num_envs, str(env.device))


def test_a_factory_that_takes_no_device_is_not_given_one() -> None:
    """Gymnasium's own function has no such argument."""
    env = make_env("gymnasium:make_vec", num_envs=2, device="cpu", options={"id": "CartPole-v1"})
    assert 2 == env.num_envs


def test_an_option_that_is_not_taken_gets_a_sentence() -> None:
    """Before anything runs, the factory's signature is looked at."""
    with pytest.raises(BadInputError, match="cannot be called with num_envs and these options"):
        make_env("stepscope.envs:CartPole", num_envs=3, device="cpu", options={"wheels": 4})
