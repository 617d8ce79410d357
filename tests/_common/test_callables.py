"""Callables named as module:name."""

from __future__ import annotations

import pytest

from stepscope._common.callables import resolve_callable
from stepscope.envs import CartPole
from stepscope.errors import BadInputError


def test_a_name_may_have_dots() -> None:
    """A method is named through its class."""
    assert CartPole is resolve_callable("stepscope.envs:CartPole")
    assert CartPole.reset is resolve_callable("stepscope.envs:CartPole.reset")


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
        resolve_callable(name)
