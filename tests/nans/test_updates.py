"""Losses, gradients and weights that are watched beside the environment."""

from __future__ import annotations

import gc
import math

import pytest
import torch

from stepscope.envs import CartPole
from stepscope.envs.faults import Faulty, bad_reward
from stepscope.nans import BadUpdateError, BadValueError, BadValueWarning, Recorder, record


def _step(env: Recorder, times: int) -> None:
    for _ in range(times):
        env.step(torch.zeros(4, 1))


def _watched(on_bad: str = "raise") -> tuple[Recorder, torch.nn.Module]:
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ELU(), torch.nn.Linear(8, 1))
    env = record(CartPole(4, seed=0), folder=None, on_bad=on_bad)
    env.watch(network, "actor")
    env.reset(seed=0)
    return env, network


def test_the_first_bad_parameter_is_named() -> None:
    """With its share, and the step after which it was seen; the environment is not to blame."""
    env, network = _watched()
    _step(env, 10)
    with torch.no_grad():
        network[2].weight[0, :2] = math.nan
    with pytest.raises(
        BadUpdateError, match=r"2.weight of actor is not finite \(25 %\), seen in update 0, after step 15"
    ):
        _step(env, 10)


def test_an_update_that_breaks_the_gradient_is_found_before_the_weights() -> None:
    """A real backward pass through a real infinity."""
    env, network = _watched()
    _step(env, 3)
    (network(torch.ones(4, 4)) / 0).sum().backward()
    assert env.check() is None  # nobody uses it yet
    with pytest.raises(BadUpdateError, match=r"the gradient of 0.weight of actor") as error:
        torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert "gradient" == error.value.bad.what


def test_a_bad_value_comes_before_the_weights_that_it_broke() -> None:
    """Both are bad in the same look: what the environment was given is the cause."""
    env, network = _watched()
    actions = torch.zeros(4, 1)
    actions[2] = math.nan
    env.step(actions)
    with torch.no_grad():
        network[0].bias.fill_(math.nan)
    with pytest.raises(BadValueError):
        _step(env, 10)


def test_a_warning_comes_once() -> None:
    """With on_bad="warn" the training goes on."""
    env, network = _watched("warn")
    with torch.no_grad():
        network[0].bias.fill_(math.inf)
    with pytest.warns(BadValueWarning, match="0.bias of actor") as caught:
        _step(env, 40)
    assert 1 == len(caught)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_a_bad_gradient_never_reaches_the_weights(optimizer: type[torch.optim.Optimizer]) -> None:
    """The step of a real optimizer that would have taken it does not happen, and the report says which it was."""
    env, network = _watched()
    training = optimizer(network.parameters(), lr=0.1)
    _step(env, 3)
    for divisor in (1.0, 1.0, 0.0):
        before = [parameter.detach().clone() for parameter in network.parameters()]
        training.zero_grad()
        (network(torch.ones(4, 4)) / divisor).sum().backward()
        if divisor:
            training.step()
    with pytest.raises(BadUpdateError, match=r"the gradient of .* in update 3, after step 3"):
        training.step()
    assert all(map(torch.equal, before, network.parameters()))


def test_what_the_environment_did_comes_before_the_update_that_it_broke() -> None:
    """The optimizer steps between two looks at the environment, which was bad by then."""
    env, network = _watched()
    training = torch.optim.SGD(network.parameters(), lr=0.1)
    actions = torch.zeros(4, 1)
    actions[1] = math.nan
    env.step(actions)
    (network(torch.ones(4, 4)) * math.nan).sum().backward()
    with pytest.raises(BadValueError, match=r"NaN in actions force of environment 1, in step 1"):
        training.step()


def test_huge_gradients_are_finite() -> None:
    """Their squares are not, in single precision."""
    env, network = _watched()
    training = torch.optim.SGD(network.parameters(), lr=0.0)
    (network(torch.ones(4, 4)) * 1e30).sum().backward()
    training.step()
    assert env.check() is None


def test_the_optimizers_of_others_are_let_alone() -> None:
    """They train something else, however bad."""
    env, _ = _watched()
    other = torch.nn.Linear(1, 1)
    (other(torch.ones(1, 1)) / 0).sum().backward()
    torch.optim.SGD(other.parameters(), lr=0.1).step()
    assert env.check() is None


def test_nothing_is_left_behind_by_a_recorder_that_is_gone() -> None:
    """Torch's hook goes with it."""
    from torch.optim import optimizer  # noqa: PLC0415 - where torch keeps them

    gc.collect()  # those of other tests
    before = len(optimizer._global_optimizer_pre_hooks)
    env, network = _watched()
    assert before + 1 == len(optimizer._global_optimizer_pre_hooks)
    del env
    gc.collect()
    assert before == len(optimizer._global_optimizer_pre_hooks)
    (network(torch.ones(4, 4)) / 0).sum().backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()


def test_a_loss_is_named() -> None:
    """Before anything is made of it; those that are finite are not."""
    env, network = _watched()
    output = network(torch.ones(4, 4))
    with pytest.raises(BadUpdateError, match=r"the loss value is not finite \(25 %\)"):
        env.check_losses(surrogate=output.mean(), value=output / torch.tensor([[0.0], [1.0], [1.0], [1.0]]))


def test_losses_that_are_finite_say_nothing() -> None:
    """However often."""
    env, network = _watched()
    for _ in range(20):
        env.check_losses(surrogate=network(torch.ones(4, 4)).mean(), value=torch.zeros(()))
        _step(env, 3)


def test_a_healthy_network_is_not_accused() -> None:
    """With gradients and without."""
    env, network = _watched()
    _step(env, 16)
    network(torch.ones(4, 4)).sum().backward()
    _step(env, 16)
    assert env.check() is None


def test_two_networks_of_one_name_are_both_watched() -> None:
    """The name is for a person."""
    env, network = _watched()
    env.watch(torch.nn.Linear(1, 1), "actor")
    with torch.no_grad():
        network[0].bias.fill_(math.nan)
    with pytest.raises(BadUpdateError, match=r"0.bias of actor"):
        env.check()


def test_a_step_that_a_scaler_skips_is_no_fault() -> None:
    """Its first scale is too large as a rule; it skips steps until it has found a better one."""
    env, network = _watched()
    training = torch.optim.SGD(network.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    for _ in range(8):
        training.zero_grad()
        scaler.scale(network(torch.ones(4, 4)).square().sum() * 100).backward()
        scaler.step(training)
        scaler.update()
        _step(env, 8)
    assert env.check() is None


def test_a_warning_about_a_loss_comes_once() -> None:
    """However often it is noted; and one without a number in it is no fault."""
    env, _ = _watched("warn")
    env.check_losses(empty=torch.empty(0))
    with pytest.warns(BadValueWarning) as caught:
        _note_nan(env, 20)
    assert 1 == len(caught)


def _note_nan(env: Recorder, times: int) -> None:
    for _ in range(times):
        env.check_losses(value=torch.tensor(math.nan), empty=torch.empty(0))


def test_what_a_normalisation_keeps_is_watched() -> None:
    """One NaN that it saw stays in its running mean, which is a buffer and no parameter."""
    normalisation = torch.nn.BatchNorm1d(4)
    env = record(CartPole(4, seed=0), folder=None)
    env.watch(torch.nn.Sequential(normalisation, torch.nn.Linear(4, 1)), "critic")
    env.reset(seed=0)
    normalisation(torch.full((4, 4), math.nan))
    with pytest.raises(BadUpdateError, match=r"0.running_mean of critic is not finite \(100 %\)"):
        env.check()


class _Masked(torch.nn.Module):
    """A network with a mask as attention has it, a layer that has no shape yet, and an embedding with few gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.full((4, 4), -math.inf).triu(1))
        self.lazy = torch.nn.LazyLinear(2)
        self.lazy_normalisation = torch.nn.LazyBatchNorm1d()
        self.embedding = torch.nn.Embedding(8, 3, sparse=True)


def test_masks_and_layers_without_a_shape_are_no_fault() -> None:
    """What was infinite from the start is meant to be; what has no numbers yet has none that are bad."""
    env, network = record(CartPole(4, seed=0), folder=None), _Masked()
    env.watch(network)
    env.reset(seed=0)
    assert env.check() is None
    network.embedding(torch.tensor([1, 5])).sum().backward()
    torch.optim.SGD(network.embedding.parameters(), lr=0.1).step()
    assert env.check() is None
    (network.embedding(torch.tensor([1, 5])) / 0).sum().backward()
    with pytest.raises(BadUpdateError, match=r"the gradient of embedding.weight"):
        torch.optim.SGD(network.embedding.parameters(), lr=0.1).step()


def test_no_weights_learn_from_a_bad_value() -> None:
    """It came in the last step before an update, long before the recorder would have looked."""
    _, network = _watched()
    env = record(Faulty(CartPole(4, seed=0), bad_reward(step=3, env=1)), folder=None)
    env.reset(seed=0)
    _step(env, 3)
    weights = torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    network(torch.ones(4, 4)).sum().backward()
    with pytest.raises(BadValueError, match=r"NaN in rewards .* in step 3"):
        torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert torch.equal(weights, torch.nn.utils.parameters_to_vector(network.parameters()))


def test_looks_before_updates_teach_no_limits() -> None:
    """What is huge is learnt over the same number of steps, whether there are updates or not."""
    env, network = _watched()
    training = torch.optim.SGD(network.parameters(), lr=0.0)
    network(torch.ones(4, 4)).sum().backward()
    for _ in range(7):
        _step(env, 1)
        training.step()
    assert not env._thresholds._largest.keys() - {"observations", "actions", "rewards"}
    assert all(len(seen) == 1 for seen in env._thresholds._largest.values())


def test_a_fused_optimizer_whose_scaler_skips_is_no_fault() -> None:
    """It skips within its own step."""
    env, network = _watched()
    training = torch.optim.Adam(network.parameters(), fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    for _ in range(3):
        training.zero_grad()
        scaler.scale(network(torch.ones(4, 4)).square().sum()).backward()
        scaler.step(training)
        scaler.update()
    assert env.check() is None
    assert all(bool(each.isfinite().all()) for each in network.parameters())


def test_a_mask_that_comes_with_the_first_call_is_no_fault() -> None:
    """Some networks make theirs only when they see a length."""
    env, network = _watched()
    network.register_buffer("mask", torch.full((4, 4), -math.inf).triu(1))
    _step(env, 20)
    assert env.check() is None
