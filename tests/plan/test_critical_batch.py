"""The curve of batches, the noise scale and the best number of environments, against problems with known answers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.errors import BadInputError
from stepscope.plan import CostModel
from stepscope.plan.critical_batch import CriticalBatch, best_num_envs, noise_scale

positive = st.floats(1e-3, 1e3)


@given(least=positive, scale=st.floats(1.0, 1e5))
def test_points_on_a_hyperbola_give_it(least: float, scale: float) -> None:
    """The other form of the same curve holds as well: (S / S_min - 1)(E / E_min - 1) = 1, with E = B S samples."""
    batches = [scale * factor for factor in (0.1, 0.5, 2.0, 10.0)]
    curve = CriticalBatch.fit([(batch, least * (1 + scale / batch)) for batch in batches])
    assert math.isclose(least, curve.least_steps, rel_tol=1e-6)
    assert math.isclose(scale, curve.noise_scale, rel_tol=1e-6)
    fewest_samples = curve.least_steps * curve.noise_scale
    for batch in batches:
        steps = curve.predict(batch)
        product = (steps / curve.least_steps - 1) * (steps * batch / fewest_samples - 1)
        assert math.isclose(1.0, product, rel_tol=1e-6)


def test_steps_that_do_not_depend_on_the_batch_have_no_noise() -> None:
    """And steps that go down as fast as the batch goes up have no least."""
    assert 0.0 == CriticalBatch.fit([(10, 7.0), (100, 7.0)]).noise_scale
    assert math.inf == CriticalBatch.fit([(10, 70.0), (100, 7.0)]).noise_scale


@pytest.mark.parametrize("points", [[], [(10, 1.0)], [(10, 1.0), (10, 2.0)], [(10, 1.0), (20, math.inf)]])
def test_a_curve_needs_two_batches(points: list[tuple[float, float]]) -> None:
    """A batch at which nobody ever got there is no point of it."""
    with pytest.raises(BadInputError, match="a curve of batches needs"):
        CriticalBatch.fit(points)


def test_the_noise_scale_of_a_linear_problem_is_known() -> None:
    """Of the mean of vectors drawn around (3, 4), each coordinate with a variance of 50, it is 100 / 25."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)

    def squared_length(batch: int, count: int) -> float:
        # For the loss |w - x|² / 2 a sample's gradient is w - x, so that the gradient of a batch is the mean of these.
        weights = torch.zeros(2, requires_grad=True)
        total = 0.0
        for _ in range(count):
            samples = torch.tensor([3.0, 4.0]) + math.sqrt(50) * torch.randn(batch, 2, generator=generator)
            loss = ((weights - samples) ** 2).sum(1).mean() / 2
            [gradient] = torch.autograd.grad(loss, weights)
            total += float(gradient.square().sum())
        return total / count

    scale = noise_scale((2, squared_length(2, 4000)), (200, squared_length(200, 400)))
    assert scale == pytest.approx(4.0, rel=0.1)


def test_a_noise_scale_at_its_limits() -> None:
    """Equal lengths mean no noise; lengths that go down as fast as the batch goes up mean no gradient."""
    assert 0.0 == noise_scale((10, 1.0), (100, 1.0))
    assert math.inf == noise_scale((10, 1.0), (100, 0.1))
    with pytest.raises(BadInputError, match="the smaller first"):
        noise_scale((100, 1.0), (10, 1.0))


@given(
    fixed=positive, per_env=positive, scale=st.floats(1.0, 1e5), horizon=st.integers(1, 100), share=positive
)
def test_no_other_number_of_environments_takes_less_time(
    fixed: float, per_env: float, scale: float, horizon: int, share: float
) -> None:
    """Whatever fraction or multiple of it: the product of steps and time of a step is larger."""
    cost = CostModel(fixed=fixed, per_env=per_env)
    curve = CriticalBatch(least_steps=1.0, noise_scale=scale)

    def seconds(num_envs: float) -> float:
        return curve.predict(num_envs * horizon) * cost.predict(num_envs)

    best = best_num_envs(cost, scale, horizon)
    assert seconds(best) <= seconds(best * share) * (1 + 1e-9)


def test_bad_input_gets_one_sentence() -> None:
    """A horizon of nothing, or a noise scale that is not a number."""
    cost = CostModel(fixed=1.0, per_env=1.0)
    for scale, horizon in ((1.0, 0), (math.nan, 16)):
        with pytest.raises(BadInputError, match="the best number of environments needs"):
            best_num_envs(cost, scale, horizon)
