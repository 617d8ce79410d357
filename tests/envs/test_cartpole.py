"""The environment as its users see it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.vector import AutoresetMode
from torch.utils._python_dispatch import TorchDispatchMode

from stepscope.envs import CartPole
from stepscope.envs._step import make_step
from stepscope.errors import BadInputError
from stepscope.measure._host_syncs import host_syncs

if TYPE_CHECKING:
    from collections.abc import Callable


def push(num_envs: int, action: float = 0.0) -> torch.Tensor:
    """Give the same action to all environments."""
    return torch.full((num_envs, 1), action)


@pytest.mark.parametrize(
    ("integrator", "theirs"), [("euler", "euler"), ("semi-implicit", "semi-implicit euler")]
)
@pytest.mark.parametrize("seed", range(5))
def test_trajectories_are_gymnasiums(integrator: str, theirs: str, seed: int) -> None:
    """The same start and forces give gymnasium's states within 1e-4, one step within 1e-6, and the same last step.

    Gymnasium computes in float64. A pole without feedback of its own multiplies any rounding by about 50 a second.
    """
    rng = np.random.default_rng(seed)
    start = rng.uniform(-0.05, 0.05, 4).astype(np.float32)
    peer = CartPoleEnv()
    peer.kinematics_integrator = theirs
    peer.reset()
    peer.state = tuple(start.astype(np.float64))
    env, follower = CartPole(3, integrator=integrator, seed=seed), CartPole(1, integrator=integrator)
    env.set_state(torch.from_numpy(start).expand(3, 4))
    for _ in range(200):
        # Pushing against the lean keeps the pole up for a while; the noise lets it fall in the end.
        lean = peer.state[2] + 0.3 * peer.state[3] + rng.normal(0, 1.0)
        action = 1.0 if lean > 0 else -1.0
        follower.set_state(torch.from_numpy(np.array([peer.state], np.float32)))
        expected, _, terminated, _, _ = peer.step(int(lean > 0))
        _, _, ours, _, info = env.step(push(3, action))
        np.testing.assert_allclose(info["final_obs"], np.tile(expected, (3, 1)), atol=1e-4, rtol=0)
        one_step = follower.step(push(1, action))[4]["final_obs"][0]
        np.testing.assert_allclose(one_step, expected, atol=1e-6, rtol=0)
        assert [terminated] * 3 == ours.tolist()
        if terminated:
            break
    assert terminated


def test_it_is_a_gymnasium_vector_environment() -> None:
    """Spaces, metadata and shapes are what gymnasium's interface says of same-step autoreset."""
    env = CartPole(7, seed=0)
    observations, info = env.reset(seed=3)
    assert isinstance(env, gymnasium.vector.VectorEnv)
    assert AutoresetMode.SAME_STEP == env.metadata["autoreset_mode"]
    assert ((7, 4), (7, 1), (4,), (1,)) == (
        env.observation_space.shape,
        env.action_space.shape,
        env.single_observation_space.shape,
        env.single_action_space.shape,
    )
    assert env.observation_space.contains(observations.numpy())
    assert {} == info
    observations, rewards, terminated, truncated, info = env.step(torch.from_numpy(env.action_space.sample()))
    assert ((7, 4), torch.float32) == (tuple(observations.shape), observations.dtype)
    assert [1.0] * 7 == rewards.tolist()
    assert (torch.bool, torch.bool) == (terminated.dtype, truncated.dtype)
    assert {"final_obs", "_final_obs"} == set(info)
    env.close()


@pytest.mark.parametrize("num_envs", [1, 2, 17])
def test_only_finished_episodes_start_anew(num_envs: int) -> None:
    """Where an episode ends a fresh state comes back and its last one is in info; elsewhere the motion goes on."""
    env = CartPole(num_envs, seed=1)
    ended = 0
    for _ in range(60):
        before = env.state
        observations, _, terminated, truncated, info = env.step(push(num_envs, 1.0))
        done = info["_final_obs"]
        assert torch.equal(terminated | truncated, done)
        assert torch.equal(info["final_obs"][~done], observations[~done])
        assert (observations[done].abs() <= 0.05).all()
        beyond = (info["final_obs"][:, 0].abs() > 2.4) | (
            info["final_obs"][:, 2].abs() > np.float32(np.radians(12))
        )
        assert torch.equal(beyond, terminated)
        torch.testing.assert_close(info["final_obs"][:, 0], before[:, 0] + 0.02 * before[:, 1])
        assert torch.equal(env.state, observations)
        ended += int(done.sum())
    assert ended >= 3 * num_envs


def test_time_runs_out_at_the_episode_length() -> None:
    """An episode that has not failed is truncated, not terminated, at exactly its length, and counts from 0 again."""
    env = CartPole(2, episode_length=5, gravity=0.0, seed=0)
    ends = [env.step(push(2))[2:4] for _ in range(10)]
    assert [False] * 4 + [True] + [False] * 4 + [True] == [truncated.all().item() for _, truncated in ends]
    assert not any(terminated.any() for terminated, _ in ends)
    assert [0, 0] == env.steps.tolist()


def test_a_failure_at_the_last_step_is_a_failure() -> None:
    """An episode that fails as its time runs out is terminated and not truncated, so that nobody bootstraps from it."""
    env = CartPole(2, episode_length=1, seed=0)
    env.set_state(torch.tensor([[0.0, 0, 1.0, 0], [0.0, 0, 0, 0]]))
    _, _, terminated, truncated, _ = env.step(push(2))
    assert ([True, False], [False, True]) == (terminated.tolist(), truncated.tolist())


def test_step_counters_can_be_set() -> None:
    """A library that spreads the truncations at the start may set the counters, whatever integers it uses."""
    env = CartPole(3, seed=0)
    env.steps = torch.tensor([0, 498, 499])
    assert [False, False, True] == env.step(push(3))[3].tolist()
    assert [1, 499, 0] == env.steps.tolist()


def test_equal_seeds_give_equal_numbers() -> None:
    """A seed fixes everything, another seed and another reset change it."""

    def run(env: CartPole) -> torch.Tensor:
        return torch.stack([env.step(push(64, 1.0))[0] for _ in range(40)])

    first, second = CartPole(64, seed=5), CartPole(64, seed=5)
    once = run(first)
    assert torch.equal(once, run(second))
    assert not torch.equal(once, run(CartPole(64, seed=6)))
    start, _ = first.reset(seed=5)
    again = run(first)
    assert torch.equal(once, again)
    assert not torch.equal(start, first.reset()[0])


def test_no_seed_is_a_new_seed_and_leaves_torchs_alone() -> None:
    """Without a seed two environments differ, and torch's own generator goes on as if nothing had happened."""
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    states = [CartPole(4).state for _ in range(2)]
    assert torch.equal(expected, torch.rand(1))
    assert not torch.equal(*states)


def test_start_states_are_uniform_and_independent() -> None:
    """Start states fill ±0.05 evenly, in each coordinate, independent of each other, at a reset and within steps."""
    env = CartPole(100_000, seed=0, episode_length=1, timestep=1e-9)
    for states in (env.reset(seed=1)[0], env.step(push(100_000))[0], env.step(push(100_000))[0]):
        assert (states.abs() <= 0.05).all()
        counts = torch.stack([torch.histc(column, 20, -0.05, 0.05) for column in states.T.contiguous()])
        # Each of 20 bins expects 5000, with a standard deviation of 69.
        assert (counts - 5000).abs().max() < 5 * 69
        correlations = torch.corrcoef(states.T) - torch.eye(4)
        assert correlations.abs().max() < 5 / 100_000**0.5
    following = env.step(push(100_000))[0]
    lagged = torch.corrcoef(torch.cat((states.T, following.T)))[:4, 4:]
    assert lagged.abs().max() < 5 / 100_000**0.5


def test_a_million_environments() -> None:
    """A million environments step, and each moves as it would alone."""
    env = CartPole(1_000_000, seed=0)
    alone = CartPole(1)
    alone.set_state(env.state[-1:])
    assert torch.allclose(alone.step(push(1, 0.5))[0], env.step(push(1_000_000, 0.5))[0][-1:], atol=1e-7)


def test_what_a_step_returns_stays_as_it_is() -> None:
    """Results survive later steps, and writing into them does not reach the environment."""
    env, untouched = CartPole(4, seed=0), CartPole(4, seed=0)
    first = env.step(push(4))
    copies = [tensor.clone() for tensor in first[:4]]
    env.step(push(4, 1.0))
    assert all(torch.equal(*pair) for pair in zip(copies, first[:4], strict=True))
    for tensor in (*first[:4], *first[4].values(), env.state):
        tensor.fill_(1)
    untouched.step(push(4))
    untouched.step(push(4, 1.0))
    assert torch.equal(untouched.state, env.state)


# Torch warns of its own code when it loads its compiler.
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_inference_mode_comes_and_goes(compile: bool, request: pytest.FixtureRequest) -> None:  # noqa: A002, FBT001 - torch's word for it
    """Steps mix inside and outside of inference mode, and results of either may be changed outside."""
    if compile:
        request.getfixturevalue("compiler")
    env, plain = CartPole(4, seed=0, compile=compile), CartPole(4, seed=0)
    for turn in range(4):
        with torch.inference_mode(mode=turn % 2 == 0):
            actions = push(4, 0.5)
            observations, *_ = env.step(actions)
            observations.add_(0)
            state = env.state
            if turn == 2:
                observations, _ = env.reset(seed=1)
        if turn == 2:
            plain.reset(seed=1)
        else:
            plain.step(push(4, 0.5))
            torch.testing.assert_close(plain.state, state)
        observations.mul_(2)
        env.steps = env.steps + 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pole_friction": 0.01, "gravity": 0.0},
        {"integrator": "semi-implicit", "substeps": 3, "cart_friction": 0.1, "force_limit": 0.0},
        {"integrator": "semi-implicit", "substeps": 2, "episode_length": 7, "track_half_length": 0.04},
    ],
)
def test_a_step_in_place_is_the_pure_step(options: dict[str, Any]) -> None:
    """What is updated in place has the very numbers of the function that is compiled, wherever its state comes from."""
    num_envs, generator = 37, torch.Generator().manual_seed(0)
    env = CartPole(num_envs, seed=1, **options)
    pure = make_step(env.settings)
    for turn in range(60):
        if turn == 20:
            env.set_state(torch.rand(num_envs, 4, generator=generator) - 0.5)
        if turn == 40:
            env.reset(options={"reset_mask": torch.arange(num_envs) < 20})
        actions = 3 * torch.rand(num_envs, 1, generator=generator) - 1.5
        held = env.snapshot()
        state, steps, streams, *expected = pure(held["state"].mT, held["steps"], actions, held["streams"].mT)
        observations, _, terminated, truncated, info = env.step(actions)
        found = [observations, info["final_obs"], terminated, truncated, info["_final_obs"]]
        assert all(map(torch.equal, found, expected))
        after = env.snapshot()
        assert all(map(torch.equal, after.values(), (state.mT, steps, streams.mT)))


def test_gradients_do_not_reach_the_environment() -> None:
    """Actions that want gradients are taken as numbers."""
    env = CartPole(2)
    observations, rewards, *_ = env.step(torch.zeros(2, 1, requires_grad=True))
    assert (False, False) == (observations.requires_grad, rewards.requires_grad)


def test_actions_are_clamped() -> None:
    """An action beyond 1 pushes with the force limit, of any float type."""
    env, limit = CartPole(2, seed=0), CartPole(2, seed=0)
    assert torch.equal(env.step(push(2, 7.0).double())[0], limit.step(push(2, 1.0))[0])


class _Operations(TorchDispatchMode):
    """Collect the names of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - torch's signature
        self.names.append(func.__name__.partition(".")[0])
        return func(*args, **(kwargs or {}))


def test_a_step_neither_waits_for_the_device_nor_loops_over_environments() -> None:
    """A step reads no number back, asks for no indices, and runs as many operations for 1000 environments as for 2."""
    counts = []
    for num_envs in (2, 1000):
        env = CartPole(num_envs, seed=0, cart_friction=0.1, pole_friction=0.1)
        actions = push(num_envs)
        with _Operations() as operations:
            env.step(actions)
        assert not {"_local_scalar_dense", "item", "nonzero", "masked_select", "unique"} & set(
            operations.names
        )
        with host_syncs(env.device) as places:
            env.step(actions)
        assert not places
        counts.append(len(operations.names))
    assert counts[0] == counts[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_step_on_cuda_does_not_synchronise() -> None:
    """On a GPU, torch's own check finds no synchronisation in a step or a reset without a seed."""
    env = CartPole(64, device="cuda", seed=0)
    actions = push(64).cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            env.step(actions)
        env.reset()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"num_envs": 0}, "num_envs is 0"),
        ({"num_envs": 2.5}, "num_envs is 2.5"),
        ({"num_envs": True}, "num_envs is True"),
        ({"timestep": -0.02}, "timestep is -0.02"),
        ({"timestep": float("nan")}, "timestep is nan"),
        ({"timestep": "fast"}, "timestep is 'fast'"),
        ({"substeps": 0}, "substeps is 0"),
        ({"episode_length": 0}, "episode_length is 0"),
        ({"force_limit": -1.0}, "force_limit is -1.0"),
        ({"pole_mass": 0.0}, "pole_mass is 0.0"),
        ({"cart_friction": -0.1}, "cart_friction is -0.1"),
        ({"integrator": "verlet"}, "choose one of euler, semi-implicit"),
        ({"device": "toaster"}, "device 'toaster' is not usable here; choose cpu"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not usable here: "),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"seed": True}, "seed is True"),
        ({"seed": np.float64(3)}, "seed is np.float64(3.0)"),
        ({"num_envs": np.float32(4)}, "num_envs is np.float32(4.0)"),
        ({"num_envs": np.bool_(True)}, "num_envs is np.True_"),  # noqa: FBT003 - what it is given
        ({"num_envs": "4"}, "num_envs is '4'"),
        ({"num_envs": 99999999999999}, "not enough memory for 99999999999999 environments on cpu"),
        ({"num_envs": 2**62}, "not enough memory for 4611686018427387904 environments"),
        ({"num_envs": 10**25}, "not enough memory for 10000000000000000000000000 environments"),
    ],
)
def test_bad_arguments_get_a_sentence(arguments: dict[str, Any], word: str) -> None:
    """What cannot work is refused in one line that names it."""
    with pytest.raises(BadInputError) as refusal:
        CartPole(**{"num_envs": 2, **arguments})
    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda env: env.step(torch.zeros(3)), r"shape \(3,\); they must have \(3, 1\)"),
        (lambda env: env.step(torch.zeros(2, 1)), r"shape \(2, 1\)"),
        (lambda env: env.step(np.zeros((3, 1))), "must be a torch tensor"),
        (lambda env: env.step(torch.zeros(3, 1, device="meta")), "actions are on meta"),
        (lambda env: env.set_state(torch.zeros(4, 3)), r"must be \(3, 4\)"),
        (lambda env: setattr(env, "steps", torch.zeros(2)), r"must be \(3,\)"),
        (lambda env: env.reset(seed=1.5), "seed is 1.5"),
        (lambda env: env.reset(options={"low": -1}), "no options but reset_mask, but got low"),
    ],
)
def test_bad_calls_get_a_sentence(call: Callable[[CartPole], object], word: str) -> None:
    """What does not fit the environment is refused in one line that says what would."""
    with pytest.raises(BadInputError, match=word):
        call(CartPole(3))


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"), BadInputError),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), BadInputError),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), RuntimeError),
    ],
)
def test_only_a_lack_of_memory_is_called_one(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError, refused: type[Exception]
) -> None:
    """An allocation that torch refuses is told as such, and any other error stays what it is."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(CartPole, "_random_streams", fail)
    with pytest.raises(refused) as refusal:
        CartPole(4)
    assert refused is type(refusal.value)


def test_numpys_integers_are_whole_numbers() -> None:
    """Counts and seeds may be NumPy's integers, and become Python's."""
    env = CartPole(np.int64(4), seed=np.uint8(3), substeps=np.int32(2), episode_length=np.int64(9))
    assert (int, 4, int, 9) == (
        type(env.num_envs),
        env.num_envs,
        type(env.episode_length),
        env.episode_length,
    )
    assert torch.equal(CartPole(4, seed=3, substeps=2).state, env.state)
    assert torch.equal(env.state, env.reset(seed=np.int64(3))[0])


def test_making_one_is_silent() -> None:
    """Nothing is printed or warned about, whatever the number of environments."""
    script = "from stepscope.envs import CartPole; CartPole(1); CartPole(4096, track_half_length=1.1)"
    done = subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("", "") == (done.stdout, done.stderr)
