"""Memory model of environments: a fixed part and a part per environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepscope.errors import BadInputError
from stepscope.plan.cost import CostModel

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MARGIN", "MemoryModel"]

_UNLIMITED = 1e12  # environments
MARGIN = 0.02
"""Share of a budget that stays free: a resident set varies a little from run to run."""


@dataclass(frozen=True, kw_only=True)
class MemoryModel:
    r"""A straight line through the memory of a few sizes: :math:`M(N) = a + b N`.

    Attributes
    ----------
    fixed_bytes
        :math:`a`: independent of the number of environments: imports, kernels, contexts, networks.
    per_env_bytes
        :math:`b`: added by each environment: its state, its share of the rollout and of every temporary.
    residuals
        Measured over fitted minus one, for each point in turn, without unit.

    Notes
    -----
    It is `CostModel` in bytes: the same fit, in which relative errors count alike at every size.

    Examples
    --------
    >>> model = MemoryModel.fit([(64, 300_064_000), (4096, 304_096_000)])
    >>> round(model.fixed_bytes), round(model.per_env_bytes)
    (300000000, 1000)
    >>> model.largest(2**30)
    752266
    >>> MemoryModel.fit([(1, 3e9), (2, 4e9)]).largest(2**30)
    0
    """

    fixed_bytes: float
    per_env_bytes: float
    residuals: tuple[float, ...] = ()

    @classmethod
    def fit(cls, points: Sequence[tuple[int, float]]) -> MemoryModel:
        """Fit bytes measured at two or more sizes.

        Raises
        ------
        BadInputError
            There are fewer than two different sizes, or a size or a number of bytes is not positive.
        """
        try:
            line = CostModel.fit(points)
        except BadInputError as error:
            raise BadInputError(
                "a memory model needs the memory of two different numbers of environments, both above 0."
            ) from error
        residuals = tuple(size / line.predict(num_envs) - 1.0 for num_envs, size in points)
        return cls(fixed_bytes=line.fixed, per_env_bytes=line.per_env, residuals=residuals)

    def predict(self, num_envs: float) -> float:
        """Return the memory of so many environments, in bytes."""
        return self.fixed_bytes + self.per_env_bytes * num_envs

    def largest(self, budget_bytes: float, *, margin: float = MARGIN) -> int | None:
        """Return the largest number of environments that leaves a `margin` of the budget free.

        It is 0 if not even one does, and None if there is no limit in practice: nothing grows.
        """
        left = budget_bytes * (1.0 - margin) - self.fixed_bytes
        if left < self.per_env_bytes or left <= 0:
            return 0
        return int(left / self.per_env_bytes) if self.per_env_bytes * _UNLIMITED > left else None

    def fixed_share(self, budget_bytes: float) -> float:
        """Return the share of a budget that the fixed part takes, without unit; above 1 nothing fits."""
        return self.fixed_bytes / budget_bytes
