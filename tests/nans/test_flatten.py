"""What is watched of what an environment returns, of whatever kind; and what is not is said once."""

from __future__ import annotations

import math
import warnings
from collections import UserDict, deque
from dataclasses import dataclass, make_dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tensordict import TensorDict

from stepscope.nans import BadValueError, record

BAD = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, math.nan, 1.0], [1.0, 1.0, 1.0]]
ARRAY = np.array(BAD, np.float32)
TENSOR = torch.tensor(BAD)


@dataclass
class Observation:
    policy: Any
    step: int = 0


class Arrayed:
    """Somebody's own kind of array."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        return ARRAY


class Shared:
    """Another, on whatever device."""

    def __dlpack__(self, **_: object) -> Any:  # noqa: ANN401 - a capsule
        return TENSOR.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return TENSOR.__dlpack_device__()


def _objects() -> np.ndarray:
    rows = np.empty(4, object)
    rows[:] = list(ARRAY)
    return rows


# What observations are, in which the NaN is in environment 2.
OBSERVATIONS: dict[str, Any] = {
    "a tensor": TENSOR,
    "lists of lists": BAD,
    "tuples of tuples": tuple(map(tuple, BAD)),
    "lists of numpy.float32": [[np.float32(number) for number in row] for row in BAD],
    "a list of rows as arrays of no dimension": [[np.array(number) for number in row] for row in BAD],
    "an array of objects": ARRAY.astype(object),
    "an array of rows": _objects(),
    "decimals": np.array([[Decimal(number) for number in row] for row in BAD]),
    "a structured array": np.array([(1.0, 1.0)] * 2 + [(1.0, math.nan)] + [(1.0, 1.0)], "f4,f8"),
    "longdouble": ARRAY.astype(np.longdouble),
    "a masked array": np.ma.array(ARRAY),
    "complex": torch.complex(TENSOR, torch.ones(4, 3)),
    "imaginary": torch.complex(torch.ones(4, 3), TENSOR).conj(),
    "an array of complex": ARRAY + 1j,
    "an array of longest complex": ARRAY.astype(np.clongdouble),
    "a list of complex": [complex(1), 1j, complex(math.nan, 1), 1.0],
    "sparse": TENSOR.to_sparse(),
    "8 bits": TENSOR.to(torch.float8_e5m2),
    "8 other bits": TENSOR.to(torch.float8_e4m3fn),
    "with gradients": TENSOR.clone().requires_grad_(),
    "sparse with gradients": TENSOR.to_sparse().requires_grad_(),
    "a list of arrays of each": list(ARRAY),
    "a list of tensors of each": list(TENSOR),
    "a tuple of lists of arrays": (list(np.ones((4, 3))), list(ARRAY)),
    "a dataclass": Observation(TENSOR),
    "a dataclass of lists": Observation(BAD),
    "a TensorDict": TensorDict({"policy": TENSOR}, batch_size=[4]),
    "a mapping": UserDict(policy=TENSOR),
    "integers for keys": {0: torch.ones(4, 3), 1: TENSOR},
    "a deque": deque([torch.ones(4, 3), TENSOR]),
    "an array of its own kind": Arrayed(),
    "another kind": Shared(),
}
REWARDS: dict[str, Any] = {
    "floats": [1.0, 1.0, math.nan, 1.0],
    "numpy.float32": [np.float32(number) for number in (1.0, 1.0, math.nan, 1.0)],
    "a tuple": (1.0, 1.0, math.nan, 1.0),
    "integers and one float": [1, 1, math.nan, 1],
    "tensors of one number": [torch.tensor(number) for number in (1.0, 1.0, math.nan, 1.0)],
    "arrays of one number": [np.array(number) for number in (1.0, 1.0, math.nan, 1.0)],
    "objects": np.array([1, 1, math.nan, 1], object),
    "decimals": [Decimal(1), Decimal(1), Decimal("NaN"), Decimal(1)],
    "a complex tensor": torch.tensor([1, 1, math.nan, 1], dtype=torch.complex128),
    "of one column": [[1.0], [1.0], [math.nan], [1.0]],
}


class Env:
    """It returns the same in each step."""

    num_envs = 4

    def __init__(self, observations: Any, rewards: Any) -> None:  # noqa: ANN401 - of every kind
        self.observations, self.rewards = observations, rewards

    def reset(self) -> Any:  # noqa: ANN401 - as above
        """Begin."""
        return torch.ones(4, 3), {}

    def step(self, _: object) -> Any:  # noqa: ANN401 - as above
        """Step."""
        no = torch.zeros(4, dtype=torch.bool)
        return self.observations, self.rewards, no, no, {}


def _stepped(env: Env, times: int = 24) -> list[str]:
    """Return what was said when it was stepped; what was raised is raised on."""
    recorded = record(env, folder=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recorded.reset()
        for _ in range(times):
            recorded.step(torch.zeros(4, 1))
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_observations_of_every_kind_are_watched(kind: str) -> None:
    """The environment is named."""
    with pytest.raises(BadValueError, match=r"NaN in observations.* of environment 2, in step 1"):
        _stepped(Env(OBSERVATIONS[kind], torch.ones(4)))


@pytest.mark.parametrize("kind", REWARDS)
def test_rewards_of_every_kind_are_watched(kind: str) -> None:
    """The same."""
    with pytest.raises(BadValueError, match=r"NaN in rewards.* of environment 2, in step 1"):
        _stepped(Env(torch.ones(4, 3), REWARDS[kind]))


class Raising(dict[str, Any]):
    """A dictionary that cannot be taken apart."""

    def items(self) -> Any:  # noqa: ANN401 - as above
        """Fail."""
        raise RuntimeError("not\nnow")


def _round() -> dict[str, Any]:
    cyclic: dict[str, Any] = {}
    cyclic["again"] = cyclic
    return cyclic


UNWATCHED: dict[str, Any] = {
    "an object": SimpleNamespace(policy=TENSOR),
    "a class": make_dataclass("Kind", ["policy"]),
    "a set": {1.0, math.nan},
    "an iterator": iter(BAD),
    "words among numbers": [1.0, "x", math.nan, 1.0],
    "None among objects": np.array([1.0, None, math.nan, 1.0], object),
    "lists of different lengths": [[1.0], [1.0, math.nan], [1.0], [1.0]],
    "a number": math.nan,
    "another number": np.float32(math.nan),
    "a nested tensor": torch.nested.nested_tensor([[1.0], [1.0, math.nan]], layout=torch.jagged),
    "what raises": Raising(policy=TENSOR),
    "what holds itself": _round(),
}


@pytest.mark.parametrize("kind", UNWATCHED)
@pytest.mark.parametrize("where", ["alone", "in a group", "rewards"])
def test_what_is_not_watched_is_said_once(kind: str, where: str) -> None:
    """In one line, and what stands beside it is watched."""
    value = UNWATCHED[kind]
    ones = torch.ones(4, 3)
    env = {
        "alone": Env(value, torch.ones(4)),
        "in a group": Env({"odd": value, "policy": ones}, torch.ones(4)),
        "rewards": Env(ones, value),
    }[where]
    messages = _stepped(env)
    assert messages
    assert len(messages) == len(set(messages))
    assert all("not watched: " in message and 1 == len(message.splitlines()) for message in messages)
    if where == "in a group":
        env.observations["policy"] = TENSOR
        with pytest.raises(BadValueError, match="observations/policy"):
            _stepped(env)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "a text",
        b"bytes",
        7,
        True,
        [1, 2, 3, 4],
        np.arange(4),
        np.array(["a", "b"]),
        torch.zeros(4, 8, 8, dtype=torch.uint8),
        {},
        [],
        (),
        [None, None],
        {"camera": np.zeros((4, 2), np.uint8), "names": ["a", "b"]},
    ],
)
def test_what_cannot_be_bad_is_not_mentioned(value: Any) -> None:  # noqa: ANN401 - as above
    """Whole numbers and words are neither NaN nor infinite."""
    assert [] == _stepped(Env({"other": value, "policy": torch.ones(4, 3)}, torch.ones(4)))


def test_what_is_never_the_same_is_not_said_for_ever() -> None:
    """Some names, and that there are more."""
    env = Env(None, torch.ones(4))
    step = env.step
    numbers = iter(range(1000))
    env.step = lambda _: ({f"k{next(numbers)}": torch.ones(1, 3)}, *step(_)[1:])  # type: ignore[method-assign]
    messages = _stepped(env, 400)
    assert 17 == len(messages)
    assert "further tensors are not watched" == messages[-1]
