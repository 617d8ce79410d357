"""What the recorder names as the first bad value, against faults whose place is known."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv

from stepscope.envs import CartPole
from stepscope.envs.faults import (
    Fault,
    Faulty,
    bad_reward,
    draw_fault,
    huge_observation,
    infinite_reading,
    missing_reading,
)
from stepscope.errors import BadInputError
from stepscope.nans import BadValueError, BadValueWarning, Recorder, record

if TYPE_CHECKING:
    from pathlib import Path

NUM_ENVS = 32


def _run(env: Recorder, steps: int, fault: Fault | None = None) -> None:
    """Step a recorded environment; a fault of the actions strikes what it is given."""
    env.reset(seed=0)
    generator = torch.Generator().manual_seed(0)
    for step in range(1, steps + 1):
        actions = 2 * torch.rand(env.num_envs, 1, generator=generator) - 1
        if fault is not None and fault.tensor == "actions" and fault.step == step:
            actions[fault.env, fault.column] = fault.value
        env.step(actions)
    env.check()


def _step(env: Recorder, times: int, actions: Any) -> None:  # noqa: ANN401 - tensors or arrays
    for _ in range(times):
        env.step(actions)


def _recorded(fault: Fault, **options: Any) -> Recorder:  # noqa: ANN401 - those of record
    env = CartPole(NUM_ENVS, seed=0)
    inner = env if fault.tensor == "actions" else Faulty(env, fault)
    return record(inner, folder=None, **options)


def _named(fault: Fault) -> tuple[int, int, str, int]:
    return fault.step, fault.env, fault.tensor, fault.column


def _found(env: Recorder) -> tuple[int, int, str, int]:
    bad = env.report.bad
    return bad.step, bad.env, bad.tensor, bad.column


@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_faults_are_named(hundred: int) -> None:
    """Of every kind, in any step, environment, tensor and column; each is what the report says is first."""
    for seed in range(100 * hundred, 100 * hundred + 100):
        fault = draw_fault(seed, num_envs=NUM_ENVS, steps=40, columns=4, actions=1)
        env = _recorded(fault, huge=1e6)
        with pytest.raises(BadValueError):
            _run(env, 48, fault)
        assert _named(fault) == _found(env), fault


@pytest.mark.parametrize("step", [1, 2, 7, 8, 9, 48, 49, 10_000])
@pytest.mark.parametrize("env", [0, NUM_ENVS - 1])
def test_the_first_and_the_last_are_no_different(step: int, env: int) -> None:
    """Wherever in the ring it is, and in whichever environment."""
    fault = missing_reading(step=step, env=env, column=3)
    recorded = _recorded(fault)
    with pytest.raises(BadValueError):
        _run(recorded, step + 8)
    assert _named(fault) == _found(recorded)


def test_a_huge_value_is_learnt_to_be_one() -> None:
    """Without a limit that is given, what is a thousand times as large as before and above a million is bad."""
    fault = huge_observation(step=20, env=5, column=1)
    env = _recorded(fault)
    with pytest.raises(BadValueError, match=r"a huge value in observations cart_velocity of environment 5"):
        _run(env, 30)
    assert _named(fault) == _found(env)


class _Numbers:
    """An environment that returns what it is given to return."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows, self.at = rows, 0

    def reset(self, **_: object) -> tuple[torch.Tensor, dict[str, Any]]:
        return self.rows[0], {}

    def step(self, _: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.at += 1
        flags = torch.zeros(self.rows.shape[1], dtype=torch.bool)
        return self.rows[self.at % len(self.rows)], torch.zeros(len(flags)), flags, flags, {}


@pytest.mark.parametrize(
    "value",
    [-0.0, 1e-45, -1e-40, 1e30, -3e38, 16777217.0],
    ids=["-0", "least", "subnormal", "1e30", "most", "2^24"],
)
def test_no_healthy_run_is_accused(value: float) -> None:
    """Zeros with a sign, subnormals, and large numbers that were there from the start are all right."""
    rows = torch.randn(50, 8, 3, generator=torch.Generator().manual_seed(1))
    rows[:, :, 1] = value
    env = record(_Numbers(rows), folder=None)
    env.reset()
    for _ in range(200):
        env.step(torch.zeros(8, 2))
    assert env.check() is None


def test_a_slow_growth_is_not_accused() -> None:
    """Values that become twice as large in each look are followed, up to any size."""
    rows = torch.ones(400, 4, 2) * torch.linspace(0, 60, 400).exp2()[:, None, None]
    env = record(_Numbers(rows), folder=None)
    env.reset()
    for _ in range(399):
        env.step(torch.zeros(4, 1))
    assert env.check() is None


def test_trained_cart_poles_are_not_accused() -> None:
    """Nothing is found in ordinary episodes, with their ends and resets."""
    env = record(CartPole(64, seed=0, episode_length=50), folder=None)
    _run(env, 400)
    assert env.report is None


def test_the_report_says_what_stood_before_it() -> None:
    """The last values of that column, the action of that step, and how many environments have it."""
    fault = infinite_reading(step=20, env=3, column=2)
    env = CartPole(NUM_ENVS, seed=0)
    inputs = [
        2 * torch.rand(NUM_ENVS, 1, generator=torch.Generator().manual_seed(step)) - 1 for step in range(24)
    ]
    recorded = record(Faulty(env, fault), folder=None, on_bad="warn")
    recorded.reset(seed=0)
    headline = "infinity in observations pole_angle of environment 3, in step 20"
    with pytest.warns(BadValueWarning, match=headline):
        seen = [recorded.step(actions)[0] for actions in inputs]
    report = recorded.report
    assert [(step, float(seen[step - 1][3, 2])) for step in range(15, 20)] == list(report.before)
    assert {"force": float(inputs[19][3, 0])} == report.action
    assert (1, 0, 0, 0) == report.followers  # the row of the reset is one of 24
    assert NUM_ENVS == report.num_envs
    assert "a sensor without a reading" == report.cause.name


def test_all_environments_are_counted_that_follow() -> None:
    """One in step 5, two more in step 6."""
    rows = torch.zeros(20, 6, 2)
    rows[5, 4, 1], rows[6, :2, 0] = math.nan, math.inf
    rows[6:, 4, 1] = math.nan
    env = record(_Numbers(rows), folder=None, on_bad="warn")
    env.reset()
    with pytest.warns(BadValueWarning):
        _step(env, 8, torch.zeros(6, 1))
    assert (1, 3, 1) == env.report.followers[:3]


def test_a_bad_reset_is_named() -> None:
    """What the first reset returns is step 0."""
    rows = torch.zeros(9, 4, 2)
    rows[0, 2, 1] = math.nan
    env = record(_Numbers(rows), folder=None, every=1)
    with pytest.raises(BadValueError, match="in the reset after step 0"):
        env.reset()
    assert (0, 2, "observations", 1) == _found(env)
    assert "a reset" == env.report.cause.name


def test_groups_and_states_have_names_of_their_own() -> None:
    """An observation of groups, with bytes among them, and a state that is watched beside it."""
    position = torch.zeros(4, 3)

    class Grouped(_Numbers):
        def step(self, actions: torch.Tensor) -> tuple[Any, ...]:
            values, *rest = super().step(actions)
            if self.at == 3:
                position[1, 2] = math.nan
            return {"policy": values, "camera": torch.zeros(4, 8, 8, dtype=torch.uint8)}, *rest

    env = record(Grouped(torch.zeros(9, 4, 2)), folder=None, state=lambda: {"joints": position}, every=2)
    with pytest.raises(BadValueError, match=r"NaN in state/joints \[2\] of environment 1, in step 3"):
        _step(env, 8, torch.zeros(4, 1))
    assert {"observations/policy", "state/joints", "actions", "rewards", "done"} == set(env.history.tensors)


def test_arrays_of_numpy_are_watched() -> None:
    """Gymnasium's own vector environments have them; the fault is theirs."""
    import gymnasium  # noqa: PLC0415 - only here

    class Broken(gymnasium.Wrapper):
        steps = 0

        def step(self, action: Any) -> tuple[Any, ...]:  # noqa: ANN401 - gymnasium's
            observation, *rest = self.env.step(action)
            self.steps += 1
            return observation + (np.float32(np.nan) if self.steps == 6 else np.float32(0)), *rest

    makers = [lambda: gymnasium.make("CartPole-v1"), lambda: Broken(gymnasium.make("CartPole-v1"))]
    env = record(SyncVectorEnv(makers), folder=None, every=1)
    env.reset(seed=0)
    with pytest.raises(BadValueError, match=r"NaN in observations \[0\] of environment 1, in step 6"):
        _step(env, 20, np.array([0, 1]))


def test_inference_mode_and_gradients_change_nothing() -> None:
    """Rows are written whatever mode the training is in."""
    for mode in (torch.inference_mode(), torch.enable_grad()):
        fault = missing_reading(step=10, env=1)
        env = _recorded(fault)
        with mode, pytest.raises(BadValueError):
            _run(env, 20)
        assert _named(fault) == _found(env)


def test_a_recorder_stands_for_its_environment() -> None:
    """Libraries ask for its class and its attributes."""
    env = CartPole(4, seed=0)
    recorded = record(env, folder=None)
    assert isinstance(recorded, CartPole)
    assert env.single_observation_space is recorded.single_observation_space
    assert env is recorded.env


def test_bad_environments_start_anew_and_the_others_go_on() -> None:
    """With on_bad="reset" the training goes on, and what is bad later is found later."""
    faults = missing_reading(step=5, env=2), missing_reading(step=29, env=1)
    env = CartPole(4, seed=0)
    recorded = record(Faulty(env, *faults), folder=None, on_bad="reset")
    recorded.reset(seed=0)
    messages = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(40):
            recorded.step(torch.zeros(4, 1))
        messages = [str(warning.message).splitlines()[0] for warning in caught]
    assert 2 == len(messages)
    assert "environment 2, in step 5" in messages[0]
    assert "environment 1, in step 29" in messages[1]


def test_the_policy_never_sees_what_is_reset_at_once() -> None:
    """With a look after each step all that is returned is finite, observations and rewards."""
    env = CartPole(4, seed=0)
    faulty = Faulty(env, missing_reading(step=5, env=2), bad_reward(step=9, env=1))
    recorded = record(faulty, folder=None, on_bad="reset", every=1)
    recorded.reset(seed=0)
    with pytest.warns(BadValueWarning) as caught:
        results = [recorded.step(torch.zeros(4, 1)) for _ in range(12)]
    assert 2 == len(caught)
    assert all(
        value.isfinite().all() for observations, rewards, *_ in results for value in (observations, rewards)
    )
    assert [0.0, 1.0] == [float(results[8][1][1]), float(results[8][1][0])]


def test_what_stays_bad_is_reset() -> None:
    """A cart-pole whose state is NaN is one again that can be stepped."""
    env = CartPole(4, seed=0)
    recorded = record(env, folder=None, on_bad="reset")
    recorded.reset(seed=0)
    actions = torch.zeros(4, 1)
    actions[1] = math.nan
    recorded.step(actions)
    with pytest.warns(BadValueWarning):
        _step(recorded, 7, torch.zeros(4, 1))
    assert env.state.isfinite().all()
    # With the row of the reset the look is after step 7: one more has been taken since.
    assert [8, 1, 8, 8] == env.steps.tolist()


@pytest.mark.parametrize("name", ["steps", "every", "huge", "on_bad", "folder"])
def test_nonsense_gets_one_sentence(name: str, tmp_path: Path) -> None:
    """Each option says what it takes."""
    wrong = {"steps": 0, "every": 1.5, "huge": -1.0, "on_bad": "cry", "folder": tmp_path / "none"}
    with pytest.raises(BadInputError, match=name if name != "folder" else "not a directory"):
        record(CartPole(2), **{name: wrong[name]})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("huge", [None, 1e39])
def test_infinity_is_found_in_every_type(dtype: torch.dtype, huge: float | None, tmp_path: Path) -> None:
    """Also where the limit is beyond the largest number of the type; and it is written down."""
    rows = torch.ones(30, 4, 3, dtype=dtype)
    rows[20, 2, 1] = math.inf
    env = record(_Numbers(rows), folder=tmp_path, huge=huge)
    env.reset()
    with pytest.raises(BadValueError, match=r"infinity in observations \[1\] of environment 2, in step 20"):
        _step(env, 30, torch.zeros(4, 1))
    assert env.dump.is_file()


class _Failing(_Numbers):
    """One that raises in its seventh step, once."""

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.at == 6:
            self.at += 1
            raise RuntimeError("a step that fails")
        return super().step(actions)


def test_a_step_that_fails_hides_nothing() -> None:
    """What was bad before it is found, though the look was due in that step."""
    rows = torch.ones(30, 4, 3)
    rows[3, 2, 1] = math.nan
    env = record(_Failing(rows), folder=None)
    env.reset()
    with pytest.raises(BadValueError, match="in step 3"):
        _step(env, 7, torch.zeros(4, 1))


def test_parts_of_a_tuple_are_told_apart() -> None:
    """As Gymnasium's space of that name gives them."""
    rows = torch.ones(30, 4, 3)
    rows[3, 2, 1] = math.nan
    env = _Numbers(rows)
    step = env.step
    env.step = lambda actions: ((torch.ones(4, 1), step(actions)[0]), *step(actions)[1:])  # type: ignore[assignment, method-assign]
    recorded = record(env, folder=None)
    with pytest.raises(BadValueError, match=r"NaN in observations/1 \[1\] of environment 2"):
        _step(recorded, 8, torch.zeros(4, 1))


def test_gymnasiums_environments_are_reset_by_an_array() -> None:
    """They take no tensor for the mask; the others go on."""
    env = record(
        SyncVectorEnv([lambda: gymnasium.make("CartPole-v1", disable_env_checker=True)] * 3),
        folder=None,
        every=1,
        on_bad="reset",
    )
    env.reset(seed=0)
    env.envs[1].unwrapped.state[0] = math.nan
    with pytest.warns(BadValueWarning, match="of environment 1"):
        observations = env.step(np.zeros(3, np.int64))[0]
    assert np.isfinite(observations).all()


def test_a_tensor_without_columns_is_let_alone() -> None:
    """Some tasks have a group with nothing in it."""
    env = record(_Numbers(torch.zeros(20, 4, 0)), folder=None)
    env.reset()
    _step(env, 20, torch.zeros(4, 1))
    assert env.check() is None


def test_drawn_faults_are_of_every_kind() -> None:
    """The thousand above leave none out."""
    faults = [draw_fault(seed, num_envs=NUM_ENVS, steps=40, columns=4, actions=1) for seed in range(1000)]
    assert {"actions", "observations", "rewards"} == {fault.tensor for fault in faults}
    assert {0, NUM_ENVS - 1} <= {fault.env for fault in faults}
    assert {1, 40} <= {fault.step for fault in faults}
    assert {0, 1, 2, 3} == {fault.column for fault in faults if fault.tensor == "observations"}
    assert faults[7] == draw_fault(7, num_envs=NUM_ENVS, steps=40, columns=4, actions=1)
