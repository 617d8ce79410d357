"""Targets: what may stand on the command line, and what gets a sentence."""

from __future__ import annotations

import pytest

from stepscope.errors import BadInputError
from stepscope.plan._target import Target


def test_a_number_goes_wherever_its_place_is() -> None:
    """Every place takes it, inside of a word as well, and nothing else is changed."""
    target = Target.parse(None, ["train", "-n={num_envs}", "{num_envs}", "{other}", "a b"])
    assert ["train", "-n=8", "8", "{other}", "a b"] == target.command_for(8)
    assert "train '-n={num_envs}' '{num_envs}' '{other}' 'a b'" == str(target)


@pytest.mark.parametrize(
    ("factory", "command", "sentence"),
    [
        (None, None, "TARGET is missing"),
        (None, [], "TARGET is missing"),
        ("a:b", ["c", "{num_envs}"], "two TARGETs"),
        (None, ["train", "64"], "has no {num_envs} in it"),
        ("train.py", None, "is not a valid TARGET"),
        ("a:", None, "is not a valid TARGET"),
        (":b", None, "is not a valid TARGET"),
        ("a b:c", None, "is not a valid TARGET"),
    ],
)
def test_nonsense_gets_a_sentence(factory: str | None, command: list[str] | None, sentence: str) -> None:
    """Neither, both, or what names nothing is refused in one line."""
    with pytest.raises(BadInputError, match=sentence.replace("{", r"\{")):
        Target.parse(factory, command)
