"""Environments that mean something else by a name, or whose attributes fail: they are recorded, and nothing is hidden."""

from __future__ import annotations

import math
import pickle
import warnings
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from stepscope.envs import CartPole
from stepscope.nans import BadUpdateError, BadValueError, BadValueWarning, Recorder, cost, load, record
from stepscope.nans._causes import CAUSES, Cause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Env:
    """Four environments of three columns; one value is NaN in the third step."""

    def __init__(self) -> None:
        self.at = 0

    def reset(self, **_: object) -> Any:  # noqa: ANN401 - whatever an environment returns
        """Begin anew."""
        return torch.ones(4, 3), {}

    def observe(self) -> Any:  # noqa: ANN401 - as above
        """Return what a step observes."""
        self.at += 1
        values = torch.ones(4, 3)
        values[2, 1] = math.nan if self.at == 3 else 1.0
        return values

    def step(self, _: object) -> Any:  # noqa: ANN401 - as above
        """Step."""
        no = torch.zeros(4, dtype=torch.bool)
        return self.observe(), torch.ones(4), no, no, {}


def found_in(env: Recorder, actions: Any = None) -> list[str]:  # noqa: ANN401 - as above
    """Step until the bad value is raised, and return what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env.reset()
        with pytest.raises(BadValueError):
            _step(env, actions)
    return [str(warning.message) for warning in caught]


def _step(env: Recorder, actions: Any, times: int = 8) -> None:  # noqa: ANN401 - as above
    for _ in range(times):
        env.step(torch.zeros(4, 1) if actions is None else actions)


class Joint(Enum):
    HIP = 1
    KNEE = 2
    FOOT = 3


class Untold:
    def __str__(self) -> str:
        raise RuntimeError("no text")


NAMES = {
    "members of an enumeration": (tuple(Joint), "Joint.KNEE"),
    "NumPy's integers": (np.arange(3), "1"),
    "integers": (range(3), "1"),
    "bytes": ((b"x", b"y\xff", b"z"), "y\N{REPLACEMENT CHARACTER}"),
    "None": ((None, None, None), "None"),
    "70,000 characters": (("a", "b" * 70_000, "c"), "b" * 99 + "…"),
    "a line end": (("a", "b\nc\td\xa0e\x1b[2J", "c"), "b c d e"),
    "nothing that prints": (("a", "\n", "c"), "[1]"),
    "a surrogate": (("a", "\ud800", "c"), "\N{REPLACEMENT CHARACTER}"),
    "too few": (("a",), "[1]"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_of_any_kind_are_written_down_and_read(kind: str, tmp_path: Path) -> None:
    """As one line of text each."""
    columns, called = NAMES[kind]
    env = record(Env(), folder=tmp_path, names={"observations": columns})
    assert [] == found_in(env)
    assert called == env.report.column == load(env.dump).metadata["column"]


@pytest.mark.parametrize("columns", [(Untold(),), 7, "xyz", {"x": 1}, iter(())], ids=type)
def test_names_that_are_none_are_said(columns: Any, tmp_path: Path) -> None:  # noqa: ANN401 - as above
    """The columns are numbered then."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env = record(Env(), folder=tmp_path, names={"observations": columns})
    caught = [str(warning.message) for warning in caught] + found_in(env)
    assert len(caught) == (not hasattr(columns, "__next__"))
    assert "[1]" == env.report.column
    assert "[1]" == load(env.dump).metadata["column"]


def test_names_that_go_on_for_ever_are_cut(tmp_path: Path) -> None:
    """And so many of them that they fill the file are left out of it."""
    long = tuple(f"{'x' * 90}{number}" for number in range(60_000))
    names = {f"observations/{group}": long for group in range(5)}

    class Groups(Env):
        def observe(self) -> Any:  # noqa: ANN401 - as above
            values = super().observe()
            return {str(group): values for group in range(5)}

    env = record(Groups(), folder=tmp_path, names=names)
    assert [] == found_in(env)
    assert long[1] == load(env.dump).metadata["column"]


class Broken:
    """An attribute that fails in its own way."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __get__(self, *_: object) -> object:
        raise self.error


MEANT: dict[str, Any] = {
    "a path": lambda _: "picture.png",
    "a failure": lambda _: 1 / 0,
    "arguments": lambda _, path: path,
    "words": lambda _: {"path": "picture.png"},
    "numbers and words": lambda _: {"state": torch.ones(4), "path": "picture.png"},
    "groups": lambda _: {"sim": {"qpos": torch.ones(4)}},
    "integers for keys": lambda _: {0: torch.ones(4)},
    "a sparse tensor": lambda _: {"state": torch.ones(4, 2).to_sparse()},
    "8 bits": lambda _: {"state": torch.ones(4, 2).to(torch.float8_e4m3fn)},
    "complex numbers": lambda _: {"state": torch.ones(4, 2, dtype=torch.complex64).conj()},
    "halves of complex numbers": lambda _: {"state": torch.ones(4, 2, dtype=torch.complex64)},
    "objects": lambda _: {"state": np.array([None] * 4)},
    "read-only": lambda _: {"state": np.broadcast_to(np.ones(2), (4, 2))},
    "long": lambda _: {"state": np.ones((4, 2), np.clongdouble)},
    "unsigned": lambda _: {"state": np.ones((4, 2), np.uint64)},
    "a long key": lambda _: {"k" * 70_000: torch.ones(4)},
    "a text": "a text",
    "a broken property": Broken(ZeroDivisionError()),
}
KEPT = {
    "integers for keys",
    "a sparse tensor",
    "8 bits",
    "complex numbers",
    "halves of complex numbers",
    "read-only",
    "long",
    "unsigned",
    "a long key",
}
SAID = {"a failure", "words", "numbers and words", "groups", "objects"}


@pytest.mark.parametrize("kind", MEANT)
def test_a_snapshot_that_means_something_else_hides_nothing(kind: str, tmp_path: Path) -> None:
    """It is asked for once, and said once where it fails; a dump is written all the same."""
    env = record(type("Named", (Env,), {"snapshot": MEANT[kind]})(), folder=tmp_path)
    messages = found_in(env)
    assert len(messages) == (kind in SAID)
    assert all("snapshot() of a Named cannot be kept" in message for message in messages)
    assert (kind in KEPT) == bool(load(env.dump).snapshot)


def test_a_snapshot_that_means_something_else_is_asked_for_once() -> None:
    """It may write a picture each time."""
    asked = []

    class Painter(Env):
        def snapshot(self) -> str:
            asked.append(1)
            return "picture.png"

    env = record(Painter(), folder=None, every=1)
    env.reset()
    _step(env, None, 2)
    assert [1] == asked


@pytest.mark.parametrize("error", [RuntimeError("not yet"), Untold], ids=str)
@pytest.mark.parametrize(
    "name",
    [
        "num_envs",
        "device",
        "unwrapped",
        "snapshot",
        "restore",
        "observation_names",
        "action_names",
        "action_manager",
        "observation_manager",
        "get_observations",
        "step_async",
    ],
)
def test_attributes_that_fail_or_mean_something_else_hide_nothing(
    name: str,
    error: Any,  # noqa: ANN401 - an error, or what has no words
    tmp_path: Path,
) -> None:
    """A property that raises, a method, a text, a number."""
    for meant in (
        Broken(error if isinstance(error, Exception) else ValueError(error())),
        lambda _: 1,
        "x",
        7,
    ):
        if name == "num_envs" and meant == 7:
            continue  # then there are seven
        env = record(type("Named", (Env,), {name: meant})(), folder=tmp_path)
        found_in(env)
        assert ("observations", 2, 1) == (env.report.bad.tensor, env.report.bad.env, env.report.bad.column)
        assert load(env.dump).metadata["bad"]["step"] == 3


@pytest.mark.parametrize("count", [np.int64(4), torch.tensor(4), 0, -1, True, "4", 4.0, lambda _: 4])
def test_the_number_of_environments_may_be_any_number(count: object, tmp_path: Path) -> None:
    """NumPy's and torch's count; what is none is counted from the first tensor, which may be a row too short."""

    class Groups(Env):
        num_envs = count

        def observe(self) -> Any:  # noqa: ANN401 - as above
            return {"policy": super().observe(), "terrain": torch.ones(1, 7)}

    env = record(Groups(), folder=tmp_path)
    (message,) = found_in(env)
    assert "observations/terrain of shape (1, 7) is not watched" in message
    assert 4 == load(env.dump).metadata["num_envs"]


@pytest.mark.parametrize("count", [np.int64(4), torch.tensor(4)])
def test_a_number_of_another_library_is_one(count: object) -> None:
    """Else what all environments share, and is observed first, would say how many there are."""

    class Groups(Env):
        num_envs = count

        def observe(self) -> Any:  # noqa: ANN401 - as above
            return {"terrain": torch.ones(1, 7), "policy": super().observe()}

        def reset(self, **_: object) -> Any:  # noqa: ANN401 - as above
            return {"terrain": torch.ones(1, 7), "policy": torch.ones(4, 3)}, {}

    env = record(Groups(), folder=None)
    found_in(env)
    assert "observations/policy" == env.report.bad.tensor


@pytest.mark.parametrize("device", ["gripper", None, lambda _: "cpu"], ids=["text", "None", "method"])
def test_bad_environments_begin_anew_whatever_device_means(device: object) -> None:
    """A mask is on the CPU then."""
    env = record(type("Named", (Env,), {"device": device})(), folder=None, on_bad="reset", every=1)
    env.reset()
    with pytest.warns(BadValueWarning, match="NaN in observations"):
        _step(env, None, 4)


def test_a_reset_that_refuses_the_mask_raises_what_was_found() -> None:
    """It takes options, of another kind."""

    class Picky(Env):
        def reset(self, *, options: Any = None) -> Any:  # noqa: ANN401 - as above
            if options is not None:
                raise KeyError("terrain")
            return torch.ones(4, 3)

    env = record(Picky(), folder=None, on_bad="reset", every=1)
    env.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(BadValueError) as raised:
            _step(env, None, 4)
    assert str(raised.value) == str(caught[0].message)
    assert "the bad environments cannot be reset: KeyError: 'terrain'" == str(caught[1].message)


def test_observations_of_some_are_not_taken_for_those_of_all() -> None:
    """What is asked for with arguments is the environment's own affair."""

    class Indexed(Env):
        def get_observations(self, index: int) -> torch.Tensor:
            return torch.ones(4, 3)[index]

    env = record(Indexed(), folder=None)
    assert (3,) == tuple(env.get_observations(1).shape)
    assert [] == found_in(env)


@pytest.mark.parametrize("rank", ["²", "٣", "", "-1", "x", "9" * 5000])
def test_a_rank_that_is_no_number_is_none(rank: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment variable may mean something else, too."""
    monkeypatch.setenv("RANK", rank)
    env = record(Env(), folder=tmp_path)
    assert [] == found_in(env)
    assert load(env.dump).metadata["rank"] == (3 if rank == "٣" else None)


def test_a_cause_that_fails_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was found is worth more."""
    cause = Cause(name="x", evidence="x", anchor="x")
    monkeypatch.setattr("stepscope.nans._causes.CAUSES", ((lambda _: 1 / 0, cause), *CAUSES))
    env = record(Env(), folder=tmp_path)
    assert ["the cause cannot be determined: ZeroDivisionError: division by zero"] == found_in(env)
    assert env.report.cause is None


@pytest.mark.parametrize("error", [ValueError("x" * 10_000), MemoryError(), Untold], ids=type)
def test_a_dump_that_fails_in_any_way_is_said(
    error: Any,  # noqa: ANN401 - an error, or one without words
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Once, in one line, and what was found is raised."""

    class WordlessError(Exception):
        __str__ = Untold.__str__

    def fail(*_: object, **__: object) -> None:
        raise error if isinstance(error, Exception) else WordlessError

    monkeypatch.setattr(np, "savez_compressed", fail)
    (message,) = found_in(record(Env(), folder=tmp_path))
    assert message.startswith("the dump cannot be written: ")
    assert len(message) < 400
    assert [] == list(tmp_path.iterdir())


def test_a_warning_that_is_an_error_hides_nothing(tmp_path: Path) -> None:
    """As with ``python -W error``."""
    folder = tmp_path / "gone"
    folder.mkdir()
    env = record(Env(), folder=folder)
    folder.rmdir()
    env.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadValueError):
            _step(env, None)


def test_what_is_found_reaches_another_process() -> None:
    """A pool sends errors as bytes, and waits for ever for one that cannot be read."""
    env = record(Env(), folder=None)
    env.reset()
    with pytest.raises(BadValueError) as raised:
        _step(env, None)
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own
    assert (str(raised.value), repr(env.report)) == (str(again), repr(again.report))


def test_code_without_a_module_is_warned() -> None:
    """As a training that is executed from a text."""
    code = """
env = record(Env(), folder=None, on_bad="warn")
env.reset()
for _ in range(8):
    env.step(torch.zeros(4, 1))
"""
    space: dict[str, Any] = {"Env": Env, "record": record, "torch": torch}
    with pytest.warns(BadValueWarning, match="NaN in observations"):
        exec(code, space)  # noqa: S102 - our own


def test_a_tensor_without_columns_hides_nothing(tmp_path: Path) -> None:
    """It stands beside one that is bad, and among the actions."""

    class Groups(Env):
        def observe(self) -> Any:  # noqa: ANN401 - as above
            return {"empty": torch.zeros(4, 0), "policy": super().observe()}

    env = record(Groups(), folder=tmp_path)
    found_in(env, {"arm": torch.zeros(4, 0), "leg": torch.zeros(4, 2)})
    assert "observations/policy" == env.report.bad.tensor
    assert (4, 0) == load(env.dump).tensors["observations/empty"].shape[1:]


def test_keys_that_never_return_are_forgotten(tmp_path: Path) -> None:
    """The recorder holds as much after a thousand steps as after a hundred, and limits of no more names."""

    class ReplayEnv(Env):
        def step(self, _: object) -> Any:  # noqa: ANN401 - as above
            self.at += 1
            no = torch.zeros(4, dtype=torch.bool)
            return {f"camera {self.at}": torch.ones(4, 3)}, torch.ones(4), no, no, {}

    env = record(ReplayEnv(), folder=tmp_path)
    env.reset()
    held = []
    for _ in range(12):
        _step(env, None, 100)
        held.append((env.number_of_bytes, len(env._ring._all)))
    assert max(held[6:]) == max(held[:6])
    assert len(env._thresholds._largest) <= 1000


def test_two_keys_that_read_alike_hide_nothing(tmp_path: Path) -> None:
    """The second is called otherwise."""

    class Alike(Env):
        def observe(self) -> Any:  # noqa: ANN401 - as above
            return {"a": {"b": torch.ones(4, 3)}, "a/b": super().observe(), "a\n/b": torch.ones(4, 3)}

    env = record(Alike(), folder=tmp_path)
    found_in(env)
    assert "observations/a/b'" == env.report.bad.tensor
    assert load(env.dump).metadata["bad"]["tensor"] == "observations/a/b'"


def test_what_step_returns_may_be_anything() -> None:
    """Then it is said that it is not watched."""

    class Odd(Env):
        def step(self, _: object) -> Any:  # noqa: ANN401 - as above
            return next(RESULTS)

    results: list[Any] = [7, None, {}, (), (torch.ones(4, 3),), [torch.ones(4, 3), torch.ones(4)], {1: 2}, 8]
    RESULTS: Iterator[Any] = iter(results)  # noqa: N806 - of the class
    env = record(Odd(), folder=None)
    env.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        returned = [env.step(torch.zeros(4, 1)) for _ in range(8)]
    assert any("what a step returns is not watched" in str(warning.message) for warning in caught)
    assert all(one is other for one, other in zip(returned, results, strict=True))


def test_a_state_that_fails_is_said() -> None:
    """Once; what the environment returns is watched."""
    env = record(Env(), folder=None, state=lambda: 1 / 0)
    assert ["state is not watched: ZeroDivisionError: division by zero"] == found_in(env)


def test_memory_is_counted_whatever_a_snapshot_means() -> None:
    """What is no mapping is not kept."""

    class Named(CartPole):
        def snapshot(self) -> Any:  # noqa: ANN401 - as above
            return "picture.png"

    assert 0 < cost(Named(4)) < cost(CartPole(4))


def test_a_parameter_that_torch_cannot_norm_is_watched() -> None:
    """Numbers of 8 bits have no norm; a training with them goes on, and NaN among them is found."""
    network = torch.nn.Linear(2, 1)
    network.register_buffer("scale", torch.ones(2).to(torch.float8_e4m3fn))
    network.register_buffer("phase", torch.ones(2, dtype=torch.complex64))
    env = record(Env(), folder=None)
    env.watch(network)
    env._updates.check()
    network.phase[1] = complex(0, math.nan)
    with pytest.raises(BadUpdateError, match="phase/imag"):
        env.check()


def test_rewards_that_cannot_be_cleared_stay_as_they_are() -> None:
    """Of an environment that begins anew within the step."""

    class Odd(Env):
        def step(self, actions: object) -> Any:  # noqa: ANN401 - as above
            observations, rewards, *rest = super().step(actions)
            return observations, rewards.to_sparse_coo(), *rest

    env = record(Odd(), folder=None, on_bad="reset", every=1)
    env.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = [env.step(torch.zeros(4, 1)) for _ in range(4)]
    assert results[2][0].isfinite().all()
    assert results[2][1].is_sparse


def test_a_name_of_what_is_trained_is_one_line() -> None:
    """A parameter may be called anything without a dot."""
    network = torch.nn.Module()
    network.register_parameter("a\x1b[2J\nb", torch.nn.Parameter(torch.full((2,), math.nan)))
    env = record(Env(), folder=None)
    env.watch(network, name="the\npolicy")
    with pytest.warns(BadValueWarning, match="value is not watched: it is a object"):
        env.check_losses(value=object())
    with pytest.raises(BadUpdateError, match=r"^a b of the policy is not finite"):
        env.check()
