"""Cost model of a vector step: a fixed part and a part per environment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CostModel"]


@dataclass(frozen=True, kw_only=True)
class CostModel:
    r"""A straight line through step times: :math:`T(N) = a + b N`.

    Attributes
    ----------
    fixed
        :math:`a`, in seconds: the cost of a vector step that does not depend on the number of environments.
    per_env
        :math:`b`, in seconds: added by each environment.

    Notes
    -----
    The rate :math:`N / (a + b N)` rises to :math:`1 / b` as :math:`N` grows, and is half of that where
    :math:`a + b N = 2 b N`, which is at :math:`N_{1/2} = a / b` (own derivation; Hockney's :math:`n_{1/2}` is the
    same quantity for the length of a vector).

    Examples
    --------
    >>> model = CostModel(fixed=1e-3, per_env=1e-6)
    >>> round(model.half_rate_num_envs), round(model.peak_rate)
    (1000, 1000000)
    >>> model.predict(1000)
    0.002
    """

    fixed: float
    per_env: float

    @classmethod
    def fit(cls, points: Iterable[tuple[float, float]]) -> CostModel:
        r"""Fit step times, so that relative errors count alike at every size.

        Parameters
        ----------
        points
            Pairs of a number of environments and the seconds of a vector step, with two different sizes at least.

        Returns
        -------
        CostModel
            The non-negative :math:`a` and :math:`b` with the least :math:`\sum ((a + b N_i) / T_i - 1)^2`.

        Raises
        ------
        BadInputError
            There are fewer than two different sizes, or a size or time is not positive.

        Notes
        -----
        With weights :math:`1 / T_i^2` this is linear least squares in two unknowns, solved in closed form; where an
        unknown comes out negative it is zero and the other one is fitted alone, which is the least within the limit
        since the sum of squares is convex.

        Examples
        --------
        >>> model = CostModel.fit([(64, 1.064e-3), (4096, 5.096e-3)])
        >>> f"{model.fixed:.6f} {model.per_env:.9f}"
        '0.001000 0.000001000'
        """
        pairs = [(num_envs, seconds) for num_envs, seconds in points]
        if any(not (num_envs > 0 and 0 < seconds < math.inf) for num_envs, seconds in pairs):
            raise BadInputError("a cost model needs sizes and times above 0; check the measurements.")
        if len({num_envs for num_envs, _ in pairs}) < 2:  # noqa: PLR2004 - a line has two parameters
            raise BadInputError(
                "a cost model needs step times at two or more different numbers of environments."
            )
        # Each point asks for a·u + b·v = 1. Orthogonal columns keep the digits that sums of squares would lose where
        # all sizes are close together.
        u = [1.0 / seconds for _, seconds in pairs]
        v = [num_envs / seconds for num_envs, seconds in pairs]
        uu, uv, vv = _dot(u, u), _dot(u, v), _dot(v, v)
        aside = [q - uv / uu * p for p, q in zip(u, v, strict=True)]
        per_env = math.fsum(aside) / _dot(aside, v)
        fixed = math.fsum(p * (1.0 - per_env * q) for p, q in zip(u, v, strict=True)) / uu
        if fixed < 0:
            return cls(fixed=0.0, per_env=math.fsum(v) / vv)
        if per_env < 0:
            return cls(fixed=math.fsum(u) / uu, per_env=0.0)
        return cls(fixed=fixed, per_env=per_env)

    @property
    def half_rate_num_envs(self) -> float:
        """Number of environments at which half of the peak rate is reached; infinite if none costs anything."""
        return self.fixed / self.per_env if self.per_env else math.inf

    @property
    def peak_rate(self) -> float:
        """Limit of the rate as environments are added, in environment steps per second."""
        return 1.0 / self.per_env if self.per_env else math.inf

    def predict(self, num_envs: float) -> float:
        """Return the duration of a vector step with so many environments, in seconds."""
        return self.fixed + self.per_env * num_envs

    def rate(self, num_envs: float) -> float:
        """Return environment steps per second with so many environments."""
        return num_envs / self.predict(num_envs)

    def gain_of_doubling(self, num_envs: float) -> float:
        """Return the increase of the rate with twice the environments, as a share of it.

        Examples
        --------
        >>> round(CostModel(fixed=1.0, per_env=1.0).gain_of_doubling(1), 3)
        0.333
        """
        return self.rate(2 * num_envs) / self.rate(num_envs) - 1.0


def _dot(one: list[float], other: list[float]) -> float:
    return math.fsum(p * q for p, q in zip(one, other, strict=True))
