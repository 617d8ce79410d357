"""The loop that is timed: that it is PPO, against torch's distributions and sums written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.distributions import Categorical, Normal

from stepscope.errors import BadInputError
from stepscope.measure._loop import Loop
from tests.measure import loops_under_test as worlds

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

CPU = torch.device("cpu")


def loop(env: Any, *, num_envs: int = 5, policy: nn.Module | None = None, **settings: int) -> Loop:  # noqa: ANN401 - any environment
    """Return a loop around an environment."""
    torch.manual_seed(0)
    return Loop(env, num_envs=num_envs, device=CPU, policy=policy, **settings)


def test_advantages_are_the_sums_that_they_stand_for() -> None:
    """Each is the sum of later errors, discounted by 0.99 · 0.95 a step, up to the end of its episode."""
    ppo = loop(worlds.Sleeping(5), horizon=6)
    for values in (ppo._rewards, ppo._values):
        values.copy_(torch.randn(values.shape))
    ppo._done[2, 1] = ppo._done[4, 3] = True
    expected = torch.zeros(6, 5)
    for env in range(5):
        for start in range(6):
            weight = 1.0
            for step in range(start, 6):
                on = 0.0 if ppo._done[step, env] else 1.0
                error = (
                    ppo._rewards[step, env] + 0.99 * on * ppo._values[step + 1, env] - ppo._values[step, env]
                )
                expected[start, env] += weight * error
                weight *= 0.99 * 0.95 * on
    torch.testing.assert_close(ppo._advantages(), expected)


def test_probabilities_are_those_of_torch() -> None:
    """Continuous actions are normal, discrete ones categorical."""
    continuous, discrete = loop(worlds.Sleeping(5)), loop(worlds.arrays(5))
    with torch.no_grad():
        continuous._log_std.fill_(-0.5)
        means, actions = torch.randn(5, 2), torch.randn(5, 2)
        expected = Normal(means, torch.tensor(-0.5).exp()).log_prob(actions).sum(1)
        torch.testing.assert_close(continuous._log_probability(means, actions), expected)
        chosen = torch.tensor([0, 1, 1, 0, 1])
        expected = Categorical(logits=means).log_prob(chosen)
        torch.testing.assert_close(discrete._log_probability(means, chosen), expected)


def test_discrete_actions_are_drawn_from_the_softmax() -> None:
    """With logits 0 and ln 3 the second action comes three times in four."""
    policy = torch.nn.Linear(4, 2)
    with torch.no_grad():
        policy.weight.zero_()
        policy.bias.copy_(torch.tensor([0.0, 3.0]).log().nan_to_num(neginf=0.0))
    ppo = loop(worlds.arrays(400), num_envs=400, policy=policy)
    drawn = [ppo._act(0).mean() for _ in range(50)]
    assert pytest.approx(0.75, abs=0.02) == sum(drawn) / 50


def test_it_learns() -> None:
    """Rewarded for actions near 1, the policy comes to act there."""
    ppo = loop(worlds.Target(64), num_envs=64)
    for _ in range(150):
        ppo.rollout(lambda: None)
        ppo.update()
    with torch.no_grad():
        means = ppo._policy(ppo._observations)
    torch.testing.assert_close(means, torch.ones(64, 2), atol=0.3, rtol=0)


def test_marks_stand_around_each_step() -> None:
    """There are two for each vector step, so that what lies between them is stepping."""
    marks: list[None] = []
    loop(worlds.Sleeping(5), horizon=3).rollout(lambda: marks.append(None))
    assert 6 == len(marks)


@pytest.mark.parametrize(
    ("make", "shape"),
    [(worlds.arrays, (16, 5, 4)), (worlds.Mapped, (16, 5, 4)), (worlds.Sleeping, (16, 5, 3))],
)
def test_arrays_mappings_and_tensors_are_observations(
    make: Callable[[int], Any], shape: tuple[int, ...]
) -> None:
    """What is kept of a rollout has one row for each environment and step, whatever the container."""
    ppo = loop(make(5))
    ppo.rollout(lambda: None)
    ppo.update()
    assert shape == tuple(ppo._seen.shape)


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        (worlds.Headless(5), r"step\(\) returned 4 values; Gymnasium's vector convention has 5"),
        (worlds.Short(5), r"observations have shape \(4, 3\); the first number must be 5"),
        (worlds.Spaceless(5), "has no single_action_space"),
        (3, r"returned a int, which has no reset\(\)"),
    ],
)
def test_another_convention_gets_a_sentence(env: object, sentence: str) -> None:
    """What is not as Gymnasium has it is said."""
    with pytest.raises(BadInputError, match=sentence):
        loop(env).rollout(lambda: None)
