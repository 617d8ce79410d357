"""Environments of other makes: with choices for actions, several agents, odd arrays, or resets of their own mind."""

from __future__ import annotations

import math
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv

from stepscope.cli import main
from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, huge_observation, missing_reading
from stepscope.errors import BadInputError
from stepscope.nans import BadValueError, BadValueWarning, Recorder, load, record, replay, try_interventions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """Return what gives a factory a name that a replay finds."""
    module = types.ModuleType("made_here")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def named(make: Any) -> str:  # noqa: ANN401 - any factory
        module.make = make  # type: ignore[attr-defined]
        return "made_here:make"

    return named


def _step_until_found(env: Recorder, actions: Any, times: int = 40) -> None:  # noqa: ANN401 - tensors or arrays
    env.reset(seed=0)
    with pytest.raises(BadValueError):
        _step(env, actions, times)


def _step(env: Recorder, actions: Any, times: int) -> None:  # noqa: ANN401 - as above
    for _ in range(times):
        env.step(actions)
    env.check()


class Choices(SyncVectorEnv):
    """Gymnasium's own cart-poles, with choices for actions and arrays for all; a step on the cart's edge is NaN."""

    def __init__(self, num_envs: int) -> None:
        super().__init__([lambda: gymnasium.make("CartPole-v1", disable_env_checker=True)] * num_envs)

    def step(self, actions: np.ndarray) -> Any:  # noqa: ANN401 - Gymnasium's
        """Push; at an angle of 0.15 the root of what is negative is taken."""
        assert isinstance(actions, np.ndarray)
        observations, *rest = super().step(actions)
        with np.errstate(invalid="ignore"):
            observations[:, 3] += 0 * np.sqrt(0.15 - abs(observations[:, 2]))
        return observations, *rest

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Return the four numbers of each."""
        return {"state": torch.tensor(np.array([env.unwrapped.state for env in self.envs]))}

    def restore(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Begin with them; arrays, as all else."""
        assert isinstance(snapshot["state"], np.ndarray)
        for env, state in zip(self.envs, snapshot["state"], strict=True):
            env.unwrapped.state = state


def test_choices_are_kept_and_replayed(factory: Callable[[Any], str], tmp_path: Path) -> None:
    """Whole numbers of shape (N,), in an environment of arrays, bit for bit; their size is changed by nobody."""
    env = record(Choices(3), folder=tmp_path)
    _step_until_found(env, np.array([0, 1, 1]))
    report, dump = env.report, load(env.dump)
    assert ("observations", 3) == (report.bad.tensor, report.bad.column)
    assert {"[0]": float([0, 1, 1][report.bad.env])} == report.action
    assert report.cause is None or report.cause.name != "a drastic action"
    assert np.int64 == dump.tensors["actions"].dtype
    again = replay(dump, factory(Choices))
    assert (None, report.bad.step) == (again.differs, again.bad_step)
    assert ["a clean reset"] == [trial.change for trial in try_interventions(dump, factory(Choices))]


class Agents:
    """Two agents push each cart together; observations, actions, rewards and flags are by agent."""

    def __init__(self, num_envs: int) -> None:
        self.env = CartPole(num_envs, seed=0, force_limit=1e9, track_half_length=1e30, angle_limit=1e30)
        self.num_envs = num_envs

    def _both(self, value: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"left": value, "right": -value if value.is_floating_point() else value}

    def reset(self, **options: Any) -> Any:  # noqa: ANN401 - the environment's own
        """Reset."""
        observations, infos = self.env.reset(**options)
        return self._both(observations), infos

    def step(self, actions: Mapping[str, torch.Tensor]) -> Any:  # noqa: ANN401 - the environment's own
        """Push with the difference."""
        *values, infos = self.env.step(actions["left"] - actions["right"])
        return *map(self._both, values), infos

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Return the state."""
        return self.env.snapshot()

    def restore(self, snapshot: Mapping[str, torch.Tensor]) -> None:
        """Begin with it."""
        self.env.restore(snapshot)


def test_agents_are_told_apart_and_replayed(factory: Callable[[Any], str], tmp_path: Path) -> None:
    """The action of each is named, exact in all rows, and goes to its agent again."""
    env = record(Agents(4), folder=tmp_path, huge=1e5)
    actions = {"left": torch.zeros(4, 1), "right": torch.zeros(4, 1)}
    actions["left"][2] = 1 / 3
    _step_until_found(env, actions)
    assert "observations/left" == env.report.bad.tensor
    assert {"left [0]": pytest.approx(1 / 3), "right [0]": 0.0} == env.report.action
    assert "a drastic action" == env.report.cause.name
    again = replay(load(env.dump), factory(Agents))
    assert (None, env.report.bad.step) == (again.differs, again.bad_step)


class Given:
    """An environment that returns what it was given, one after the other."""

    def __init__(self, *observations: Any, rewards: Any = None) -> None:  # noqa: ANN401 - tensors, arrays or groups
        self.observations, self.at = observations, 0
        self.num_envs: int | None = None
        self.rewards = torch.ones(4) if rewards is None else rewards

    def reset(self, **_: object) -> Any:  # noqa: ANN401 - as above
        """Begin anew."""
        self.at = 0
        return self.observations[0], {}

    def step(self, _: object) -> Any:  # noqa: ANN401 - as above
        """Return the next."""
        self.at += 1
        no = torch.zeros(4, dtype=torch.bool)
        return self.observations[min(self.at, len(self.observations) - 1)], self.rewards, no, no, {}


def _with(value: float, env: int = 2, column: int = 1, columns: int = 3) -> torch.Tensor:
    values = torch.ones(4, columns)
    values[env, column] = value
    return values


def test_what_came_before_another_shape_is_found() -> None:
    """Three columns, one of them NaN, and then four: the rows of three are looked at, and are there."""
    plain = torch.ones(4, 3)
    env = record(Given(plain, plain, _with(math.nan), torch.ones(4, 4)), folder=None)
    _step_until_found(env, torch.zeros(4, 1))
    bad = env.report.bad
    assert ("observations@4x3 float32", 2, 2, 1) == (bad.tensor, bad.step, bad.env, bad.column)
    assert ((0, 1.0), (1, 1.0)) == env.report.before


def test_before_a_group_was_there_it_had_no_values() -> None:
    """A group that comes late, and not in each step."""
    late = {"policy": torch.ones(4, 3), "late": torch.full((4, 3), 5.0)}
    early = {"policy": torch.ones(4, 3)}
    env = record(Given(early, early, late, early, {**late, "late": _with(math.inf)}), folder=None)
    _step_until_found(env, torch.zeros(4, 1))
    assert "observations/late" == env.report.bad.tensor
    assert ((2, 5.0),) == env.report.before


def test_a_group_without_a_row_for_each_is_left_out_and_said() -> None:
    """What all environments share; the others are watched."""
    groups = {"terrain": torch.ones(1, 7), "policy": torch.ones(4, 3)}
    inner = Given(groups, groups, {**groups, "policy": _with(math.nan)})
    inner.num_envs = 4
    env = record(inner, folder=None)
    with pytest.warns(BadValueWarning, match=r"observations/terrain of shape \(1, 7\) is not watched"):
        _step_until_found(env, torch.zeros(4, 1))
    assert ("observations/policy", 2) == (env.report.bad.tensor, env.report.bad.step)


def test_a_single_environment_gets_one_sentence() -> None:
    """Its first dimension is not the number of environments."""
    env = record(gymnasium.make("CartPole-v1"), folder=None)
    env.reset()
    with pytest.raises(BadInputError, match="not a vectorised environment"):
        env.step(0)


@pytest.mark.parametrize("odd", ["read-only", "reversed", "in another byte order", "long"])
def test_arrays_that_torch_does_not_take_are_watched(odd: str) -> None:
    """They are copied then."""
    rows = _with(math.nan).numpy()
    if odd == "read-only":
        rows.flags.writeable = False
    results = {
        "read-only": rows,
        "reversed": rows[::-1],
        "in another byte order": rows.astype(">f4"),
        "long": rows.astype(np.longdouble),
    }[odd]
    env = record(Given(np.ones((4, 3), np.float32), results), folder=None)
    _step_until_found(env, np.zeros((4, 1), np.float32))
    assert (1, 1 if odd == "reversed" else 2, 1) == (
        env.report.bad.step,
        env.report.bad.env,
        env.report.bad.column,
    )


def test_huge_and_nan_of_others_are_not_joined() -> None:
    """Environment 1 is huge, and environment 2 is NaN two steps later: the one did not become the other."""
    env = record(
        Faulty(CartPole(4, seed=0), huge_observation(step=3, env=1), missing_reading(step=5, env=2)),
        folder=None,
        huge=1e6,
    )
    _step_until_found(env, torch.zeros(4, 1))
    assert ("huge", 1, None) == (env.report.bad.kind, env.report.bad.env, env.report.not_finite)


class Stubborn(Given):
    """An environment whose resets begin all episodes anew, whatever mask they are given."""

    def reset(self, **_: object) -> Any:  # noqa: ANN401 - as above
        """Begin all anew."""
        return torch.zeros(4, 3), {}


def test_a_reset_of_all_is_said() -> None:
    """The options were taken, and not obeyed."""
    env = record(
        Stubborn(torch.ones(4, 3), torch.ones(4, 3), _with(math.nan)), folder=None, on_bad="reset", every=1
    )
    env.reset()
    env.step(torch.zeros(4, 1))
    with pytest.warns(BadValueWarning) as caught:
        env.step(torch.zeros(4, 1))
    assert any("also changed all other environments" in str(warning.message) for warning in caught)


def test_what_no_reset_cures_ends_the_run() -> None:
    """The environment gives the same NaN in the reset."""
    bad = _with(math.nan)
    env = record(Given(bad, bad), folder=None, on_bad="reset", every=1)
    env._env.observations = (bad, bad)
    with pytest.warns(BadValueWarning), pytest.raises(BadValueError, match="in the reset after step 0"):
        env.reset()


def test_an_environment_that_resets_all_or_nothing_is_refused() -> None:
    """Stable-Baselines3's and RSL-RL's take no options."""

    class Plain:
        def reset(self) -> torch.Tensor:
            return torch.ones(4, 3)

    with pytest.raises(BadInputError, match=r"reset\(\) of a Plain takes no options"):
        record(Plain(), on_bad="reset")


def test_a_disk_is_not_filled(tmp_path: Path) -> None:
    """A training with a bad value again and again writes eight dumps."""
    faults = [missing_reading(step=step, env=0) for step in range(1, 40)]
    env = record(Faulty(CartPole(4, seed=0), *faults), folder=tmp_path, on_bad="reset", every=1)
    env.reset(seed=0)
    with pytest.warns(BadValueWarning):
        _step(env, torch.zeros(4, 1), 39)
    assert 8 == len(list(tmp_path.iterdir()))


def test_first_observations_without_a_reset_are_recorded() -> None:
    """RSL-RL asks for them and resets nothing; the policy is not to blame for what it answers."""

    class Asked(Given):
        def get_observations(self) -> Any:  # noqa: ANN401 - as above
            return self.observations[0]

    env = record(Asked(_with(math.nan), torch.ones(4, 3)), folder=None)
    env.get_observations()
    env.step(torch.full((4, 1), math.nan))
    with pytest.raises(BadValueError, match="NaN in observations"):
        env.check()
    assert env.report.in_reset


class Hidden(CartPole):
    """A cart-pole whose observations hide that its state is NaN once it is far."""

    def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Step it."""
        observations, rewards, *rest = super().step(actions)
        return torch.zeros_like(observations), torch.ones_like(rewards), *rest


LOOSE = {"force_limit": 1e30, "track_half_length": 1e38, "angle_limit": 1e38}


def test_a_state_that_nothing_returns_is_replayed(factory: Callable[[Any], str], tmp_path: Path) -> None:
    """Its snapshots show whether it is bad again."""
    inner = Hidden(4, seed=0, **LOOSE)
    env = record(inner, state=lambda: {"poles": inner.state}, folder=tmp_path, huge=math.inf)
    actions = torch.zeros(4, 1)
    actions[1] = 1.0
    _step_until_found(env, actions)
    assert "state/poles" == env.report.bad.tensor
    again = replay(load(env.dump), factory(Hidden), options=LOOSE)
    assert (None, env.report.bad.step) == (again.differs, again.bad_step)


def test_a_reset_after_the_bad_value_ends_the_replay(factory: Callable[[Any], str], tmp_path: Path) -> None:
    """All environments were reset before anybody looked."""
    env = record(CartPole(4, seed=0, **LOOSE), folder=tmp_path, huge=1e3)
    env.reset(seed=0)
    actions = torch.zeros(4, 1)
    env.step(actions)
    env.step(actions + 1e-20)
    env.reset()
    with pytest.raises(BadValueError):
        _step(env, actions, 12)
    again = replay(load(env.dump), factory(CartPole), options=LOOSE)
    assert env.report.bad.step == again.bad_step


class Failing(CartPole):
    """A cart-pole that fails under half of the actions, and when there are none of its kind."""

    refuses = False

    def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Step it."""
        if self.refuses or bool((actions == 0.5).any()):
            raise ValueError("half a push\nis none")
        return super().step(actions)


def test_what_fails_in_a_replay_is_said_in_one_sentence(
    factory: Callable[[Any], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change that cannot be tried leaves the others; an environment that cannot be stepped ends it."""
    env = record(Failing(4, seed=0, **LOOSE), folder=tmp_path, huge=1e3)
    _step_until_found(env, torch.ones(4, 1))
    dump = load(env.dump)
    tried = {
        trial.change: trial.problem for trial in try_interventions(dump, factory(Failing), options=LOOSE)
    }
    assert "ValueError: half a push" in str(tried.pop("actions of half the size"))
    assert {None} == set(tried.values())

    def broken(num_envs: int) -> object:
        raise ZeroDivisionError(num_envs)

    class Refusing(Failing):
        refuses = True

    for make, words in (
        (broken, "cannot create the environment: ZeroDivisionError: 4"),
        (Refusing, "cannot be stepped"),
    ):
        assert 2 == main(["replay", str(env.dump), "--env", factory(make)])
        out, err = capsys.readouterr()
        assert "" == out
        assert words in err
        assert 1 == len(err.splitlines())


def test_nothing_is_reset_that_is_all_right_again() -> None:
    """Gymnasium's environments refuse a mask of nobody; the reading was bad in an earlier step alone."""

    class Once(Choices):
        at = 0

        def step(self, actions: np.ndarray) -> Any:  # noqa: ANN401 - Gymnasium's
            observations, *rest = super().step(actions)
            self.at += 1
            if self.at == 3:
                observations[1, 0] = math.nan
            return observations, *rest

    env = record(Once(3), folder=None, on_bad="reset")
    env.reset(seed=0)
    with pytest.warns(BadValueWarning, match="in step 3"):
        _step(env, np.zeros(3, np.int64), 8)


@pytest.mark.parametrize("is_reset_before", [True, False])
def test_dictionaries_of_arrays_are_reset_by_an_array(is_reset_before: bool) -> None:  # noqa: FBT001 - a case
    """Also where the environment was reset before it was recorded."""

    class Groups(Choices):
        def reset(self, **options: Any) -> Any:  # noqa: ANN401 - Gymnasium's
            observations, infos = super().reset(**options)
            return {"policy": observations}, infos

        def step(self, actions: np.ndarray) -> Any:  # noqa: ANN401 - Gymnasium's
            observations, *rest = super().step(actions)
            return {"policy": observations}, *rest

    inner = Groups(3)
    if is_reset_before:
        inner.reset(seed=0)
    env = record(inner, folder=None, on_bad="reset", every=1)
    if not is_reset_before:
        env.reset(seed=0)
    inner.envs[1].unwrapped.state = (math.nan, 0.0, 0.0, 0.0)
    with pytest.warns(BadValueWarning, match="of environment 1"):
        observations, rewards, *_ = env.step(np.zeros(3, np.int64))
    assert np.isfinite(observations["policy"]).all()
    assert [1.0, 0.0, 1.0] == rewards.tolist()


def test_actions_that_change_their_type_hide_nothing() -> None:
    """The row that is bad has actions of the former type."""
    env = record(Given(torch.ones(4, 3), torch.ones(4, 3), _with(math.nan), torch.ones(4, 3)), folder=None)
    env.reset()
    for _ in range(3):
        env.step(torch.zeros(4, 1, dtype=torch.float64))
    with pytest.raises(BadValueError, match="in step 2"):
        _step(env, torch.zeros(4, 1), 5)


def test_an_update_after_a_reset_is_not_accused() -> None:
    """The gradient is NaN because of the observation, and was said to be; the next step is as it is."""
    third = torch.full((4, 3), 3.0)
    env = record(
        Given(torch.ones(4, 3), torch.ones(4, 3), _with(math.nan), third), folder=None, on_bad="reset"
    )
    network = torch.nn.Linear(3, 1)
    env.watch(network)
    env.reset()
    env.step(torch.zeros(4, 1))
    observations, *_ = env.step(torch.zeros(4, 1))
    network(observations).sum().backward()
    env.env.reset = lambda **_: (torch.full((4, 3), -1.0), {})
    with pytest.warns(BadValueWarning) as caught:
        torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert not any("look at the update" in str(warning.message) for warning in caught)
    assert torch.equal(third, env.step(torch.zeros(4, 1))[0])


def test_lists_are_watched() -> None:
    """VMAS gives one for each agent; numbers in a list are one tensor."""
    ones = torch.ones(4, 3)
    env = record(Given([ones, ones], [ones, _with(math.nan)], rewards=[1.0, 1.0, 1.0, 1.0]), folder=None)
    _step_until_found(env, torch.zeros(4, 1))
    assert ("observations/1", 2, 1) == (env.report.bad.tensor, env.report.bad.env, env.report.bad.column)
    assert (1, 4, 1) == tuple(env.history.tensors["rewards"][1:2].shape)


class Legged(Given):
    """Legged Gym's five things: privileged observations stand before the rewards, and there is one flag."""

    def __init__(self, num_envs: int) -> None:
        super().__init__(torch.ones(num_envs, 3))
        self.num_envs = num_envs

    def step(self, _: object) -> Any:  # noqa: ANN401 - as above
        """Reward the first environment with NaN in the third step."""
        self.at += 1
        rewards = torch.ones(self.num_envs)
        rewards[0] = math.nan if self.at == 3 else 1.0
        return torch.ones(self.num_envs, 3), None, rewards, torch.zeros(self.num_envs).bool(), {}

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Return how many steps it has taken."""
        return {"at": torch.tensor(self.at)}

    def restore(self, snapshot: Mapping[str, torch.Tensor]) -> None:
        """Go on from there."""
        self.at = int(snapshot["at"])


def test_rewards_of_legged_gym_are_found_and_replayed(factory: Callable[[Any], str], tmp_path: Path) -> None:
    """They are the third thing, and no flags."""
    env = record(Legged(4), folder=tmp_path)
    _step_until_found(env, torch.zeros(4, 1))
    assert ("rewards", 3, 0) == (env.report.bad.tensor, env.report.bad.step, env.report.bad.env)
    again = replay(load(env.dump), factory(Legged))
    assert (None, 3) == (again.differs, again.bad_step)


@pytest.mark.parametrize("snapshot", [None, {"time": torch.tensor(1.0), "shared": torch.ones(7)}])
def test_a_snapshot_of_another_kind_hides_nothing(snapshot: Any, tmp_path: Path) -> None:  # noqa: ANN401 - whatever
    """An environment may have something else of that name, or numbers that all share."""

    class Named(Given):
        def snapshot(self) -> Any:  # noqa: ANN401 - as above
            return snapshot

    class Asking(Given):
        def snapshot(self, path: str) -> None:
            raise AssertionError(path)

    for kind in (Named, Asking):
        env = record(kind(torch.ones(4, 3), _with(math.nan)), folder=tmp_path)
        _step_until_found(env, torch.zeros(4, 1))
        assert set(load(env.dump).snapshot) == ({"time"} if snapshot and kind is Named else set())


def test_an_update_within_a_step_does_not_end_the_looks() -> None:
    """As where actions are sent, something is trained, and results are fetched."""

    class Halves(Given):
        def step_async(self, actions: object) -> None:
            self.actions = actions

        def step_wait(self) -> Any:  # noqa: ANN401 - as above
            return self.step(self.actions)

    env = record(Halves(torch.ones(4, 3), _with(math.nan)), folder=None)
    network = torch.nn.Linear(3, 1)
    training = torch.optim.SGD(network.parameters(), lr=0.1)
    env.reset()
    env.step_async(torch.zeros(4, 1))
    training.step()
    observations, *_ = env.step_wait()
    network(observations).sum().backward()
    with pytest.raises(BadValueError):
        training.step()
    assert all(bool(each.isfinite().all()) for each in network.parameters())


def test_what_is_left_out_is_said_once() -> None:
    """Contacts, whose number varies."""
    groups = [{"policy": torch.ones(4, 3), "contacts": torch.ones(5 + step % 7, 3)} for step in range(40)]
    env = record(Given(*groups), folder=None)
    env.reset()
    with pytest.warns(BadValueWarning) as caught:
        _step(env, torch.zeros(4, 1), 39)
    assert 1 == len(caught)


def test_a_limit_stays_with_what_it_was_learnt_from() -> None:
    """A huge value, and another shape from the next step on."""
    ones = torch.ones(4, 3)
    env = record(Given(*[ones] * 36, _with(1e30), torch.ones(4, 5)), folder=None)
    _step_until_found(env, torch.zeros(4, 1), 48)
    assert ("huge", 36) == (env.report.bad.kind, env.report.bad.step)


@pytest.mark.parametrize(
    "actions",
    [
        (torch.zeros(4, 1), torch.ones(4, 2)),
        {"left": {"arm": torch.zeros(4, 1)}, "bot@1": torch.ones(4, 1)},
        torch.ones(4, 2, 3, dtype=torch.int32),
    ],
    ids=["tuple", "nested", "of three dimensions"],
)
def test_actions_come_again_as_they_were(
    actions: Any,  # noqa: ANN401 - as above
    factory: Callable[[Any], str],
    tmp_path: Path,
) -> None:
    """A replay gives the environment the same structure."""
    seen = []

    class Seeing(Given):
        def __init__(self, num_envs: int) -> None:
            super().__init__(
                torch.ones(num_envs, 3), torch.ones(num_envs, 3), torch.full((num_envs, 3), math.nan)
            )
            self.num_envs = num_envs

        def step(self, actions: object) -> Any:  # noqa: ANN401 - as above
            seen.append(actions)
            return super().step(actions)

        def snapshot(self) -> dict[str, torch.Tensor]:
            return {"at": torch.tensor(self.at)}

        def restore(self, snapshot: Mapping[str, torch.Tensor]) -> None:
            self.at = int(snapshot["at"])

    env = record(Seeing(4), folder=tmp_path)
    _step_until_found(env, actions)
    dump = load(env.dump)
    recorded = seen.copy()
    seen.clear()
    assert 2 == replay(dump, factory(Seeing)).bad_step
    assert str(recorded[:2]) == str(seen[:2])  # torch compares no structures


def test_nothing_is_reset_at_the_end() -> None:
    """A training that has closed its environment ends without a traceback."""
    script = """
import numpy as np
from gymnasium.vector import AsyncVectorEnv
import gymnasium
from stepscope.nans import record

def make():
    return gymnasium.make("CartPole-v1", disable_env_checker=True)

if __name__ == "__main__":
    env = record(AsyncVectorEnv([make] * 2), folder=None, on_bad="reset")
    env.reset(seed=0)
    step = env.env.step
    env.env.step = lambda actions: (np.full((2, 4), np.nan, np.float32), *step(actions)[1:])
    env.step(np.zeros(2, np.int64))
    env.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "NaN in observations" in done.stderr
    assert "Traceback" not in done.stderr


class _RewardManager:
    """The terms of each step's reward in one tensor, as the managers of Isaac Lab and mjlab keep them."""

    def __init__(self, num_envs: int) -> None:
        self.active_terms = ["alive", "speed"]
        self._step_reward = torch.zeros(num_envs, 2)

    def compute(self, state: torch.Tensor, *, bad: bool) -> torch.Tensor:
        """Return the sum of the terms; the second is NaN in one environment."""
        self._step_reward[:, 0] = 1.0
        self._step_reward[:, 1] = -state[:, 1].abs()
        if bad:
            self._step_reward[3, 1] = math.nan
        return self._step_reward.sum(1)


class Managed(CartPole):
    """A cart-pole whose reward is made of terms."""

    def __init__(self, num_envs: int) -> None:
        super().__init__(num_envs, seed=0)
        self.reward_manager = _RewardManager(num_envs)
        self.calls = 0

    def step(self, actions: torch.Tensor) -> Any:  # noqa: ANN401 - the environment's own
        """Replace the reward, from the fifth step on by a bad one."""
        self.calls += 1
        observations, _, *rest = super().step(actions)
        return observations, self.reward_manager.compute(self.state, bad=self.calls > 4), *rest


def test_a_bad_reward_is_traced_to_its_term() -> None:
    """Where the environment keeps the terms; the term comes before the sum."""
    env = record(Managed(8), folder=None)
    env.reset(seed=0)
    with pytest.raises(BadValueError, match="NaN in rewards/terms speed of environment 3, in step 5"):
        _step(env, torch.zeros(8, 1), 16)
    assert "a term of the reward" == env.report.cause.name


def test_a_manager_of_another_kind_is_ignored() -> None:
    """A matrix that does not have a column for each term is not one of its terms."""
    task = Managed(8)
    task.reward_manager.active_terms = ["alive"]
    env = record(task, folder=None)
    env.reset(seed=0)
    with pytest.raises(BadValueError, match=r"NaN in rewards \[0\] of environment 3, in step 5"):
        _step(env, torch.zeros(8, 1), 16)
