"""Finding what a person named as module:name."""

from __future__ import annotations

import pytest

from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.measure._factory import found_by_name, make_env


def test_a_factory_is_found_and_told_the_device() -> None:
    """A factory that takes a device gets the one that is measured, unless an option says another."""
    assert CartPole is found_by_name("stepscope.envs:CartPole")
    made = make_env("stepscope.envs:CartPole", num_envs=3, device="cpu", options={"seed": 1})
    assert (3, "cpu") == (made.num_envs, str(made.device))


def test_a_factory_that_takes_no_device_is_not_given_one() -> None:
    """Gymnasium's own function has no such argument."""
    made = make_env("gymnasium:make_vec", num_envs=2, device="cpu", options={"id": "CartPole-v1"})
    assert 2 == made.num_envs


def test_a_name_may_have_dots() -> None:
    """What stands in a class is named through it."""
    assert CartPole.reset is found_by_name("stepscope.envs:CartPole.reset")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("stepscope.envs", "names no factory"),
        ("no_such_module:x", "there is no module 'no_such_module'"),
        ("stepscope.envs:Nothing", "has no 'Nothing'"),
        ("stepscope.envs.cartpole:__name__", "is a str and cannot be called"),
    ],
)
def test_a_wrong_name_gets_a_sentence(name: str, sentence: str) -> None:
    """What is missing is said."""
    with pytest.raises(BadInputError, match=sentence):
        found_by_name(name)


def test_an_option_that_is_not_taken_gets_a_sentence() -> None:
    """Before anything runs, the factory's signature is looked at."""
    with pytest.raises(BadInputError, match="cannot be called with num_envs and these options"):
        make_env("stepscope.envs:CartPole", num_envs=3, device="cpu", options={"wheels": 4})
