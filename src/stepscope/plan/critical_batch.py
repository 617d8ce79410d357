"""Steps of learning against the size of a batch, and the number of environments that learns in the least time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.errors import BadInputError
from stepscope.plan.cost import CostModel

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CriticalBatch", "best_num_envs", "noise_scale"]


@dataclass(frozen=True, kw_only=True)
class CriticalBatch:
    r"""Steps that a training needs with batches of a size: :math:`S(B) = S_\min (1 + B_\text{noise} / B)`.

    Attributes
    ----------
    least_steps
        :math:`S_\min`, the steps that the largest batches need.
    noise_scale
        :math:`B_\text{noise}`, in samples: the batch that needs twice the least number; infinite where the fit has no least.

    References
    ----------
    S. McCandlish, J. Kaplan, D. Amodei et al. An Empirical Model of Large-Batch Training. arXiv 1812.06162, 2018.

    Examples
    --------
    >>> curve = CriticalBatch(least_steps=10.0, noise_scale=512.0)
    >>> curve.predict(512), curve.predict(1024)
    (20.0, 15.0)
    """

    least_steps: float
    noise_scale: float

    @classmethod
    def fit(cls, points: Iterable[tuple[float, float]]) -> CriticalBatch:
        r"""Fit measured steps, so that relative errors count alike at every size.

        Parameters
        ----------
        points
            Pairs of a batch, in samples, and the steps that it needs, with two different batches at least.

        Returns
        -------
        CriticalBatch
            The curve with the least :math:`\sum (S(B_i) / S_i - 1)^2` among those with non-negative :math:`S_\min` and
            :math:`S_\min B_\text{noise}`. It is a straight line in :math:`1 / B`.

        Raises
        ------
        BadInputError
            There are fewer than two different batches, or a batch or a number of steps is not positive.

        Examples
        --------
        >>> curve = CriticalBatch.fit([(128, 50.0), (512, 20.0), (2048, 12.5)])
        >>> f"{curve.least_steps:.3f} {curve.noise_scale:.3f}"
        '10.000 512.000'
        """
        pairs = list(points)
        if any(not (0 < value < math.inf) for pair in pairs for value in pair):
            raise BadInputError("a curve of batches needs batches and steps above 0; check the measurements.")
        if len({batch for batch, _ in pairs}) < 2:  # noqa: PLR2004 - a line has two parameters
            raise BadInputError("a curve of batches needs the steps of two or more different batches.")
        line = CostModel.fit([(1 / batch, steps) for batch, steps in pairs])
        scale = line.per_env / line.fixed if line.fixed else math.inf
        return cls(least_steps=line.fixed, noise_scale=scale)

    def predict(self, batch: float) -> float:
        """Return the steps that batches of this size need."""
        return self.least_steps * (1 + self.noise_scale / batch)


def noise_scale(small: tuple[float, float], large: tuple[float, float]) -> float:
    r"""Return the simple noise scale :math:`\operatorname{tr}\Sigma / |G|^2` from gradients of batches of two sizes.

    A batch of size B has a gradient whose squared length is :math:`|G|^2 + \operatorname{tr}\Sigma / B` on average; two
    sizes give both unknowns.

    Parameters
    ----------
    small, large
        Size of the batches, in samples, and the mean over several batches of the squared length of their gradient.

    Returns
    -------
    float
        In samples; infinite where noise leaves no gradient, 0 where it leaves no noise.

    Raises
    ------
    BadInputError
        If the sizes are not positive and different, or a squared length is negative.

    References
    ----------
    S. McCandlish et al. (2018), appendix A.1: arXiv 1812.06162.

    Examples
    --------
    >>> round(noise_scale((10, 1.0 + 200.0 / 10), (100, 1.0 + 200.0 / 100)), 6)
    200.0
    """
    (fewer, noisy), (more, clean) = small, large
    if not 0 < fewer < more < math.inf or not (0 <= noisy < math.inf and 0 <= clean < math.inf):
        raise BadInputError(
            "a noise scale needs two batch sizes, the smaller first, and two squared lengths."
        )
    signal = (more * clean - fewer * noisy) / (more - fewer)
    noise = (noisy - clean) / (1 / fewer - 1 / more)
    return max(0.0, noise) / signal if signal > 0 else math.inf


def best_num_envs(cost: CostModel, noise_scale: float, horizon: int) -> float:
    r"""Return the number of environments that reaches a reward in the least time.

    Parameters
    ----------
    cost
        Time of a vector step or of an iteration: only the ratio of its two parts counts.
    noise_scale
        :math:`B_\text{noise}`, in samples.
    horizon
        Vector steps per rollout.

    Returns
    -------
    float
        :math:`N^* = \sqrt{N_{1/2} B_\text{noise} / H}`, the geometric mean of two numbers: :math:`N_{1/2} = a / b`, from
        which on a step costs time, and :math:`B_\text{noise} / H`, from which on a sample is wasted.

    Raises
    ------
    BadInputError
        If the noise scale is negative or the horizon not positive.

    Notes
    -----
    With :math:`S = S_\min (1 + B_\text{noise} / (N H))` iterations of :math:`T(N) = a + b N` the time is

    .. math::

        S\,T = S_\min \left(a + \frac{b B_\text{noise}}{H} + b N + \frac{a B_\text{noise}}{N H}\right),

    whose derivative is zero where :math:`b N^2 = a B_\text{noise} / H` (own derivation).

    Examples
    --------
    >>> round(best_num_envs(CostModel(fixed=0.1, per_env=0.0002), noise_scale=512, horizon=16))
    126
    """
    if not noise_scale >= 0 or horizon < 1:
        raise BadInputError("the best number of environments needs a noise scale and a horizon above 0.")
    return math.sqrt(cost.half_rate_num_envs * noise_scale / horizon)
