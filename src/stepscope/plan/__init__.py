"""How many environments to run: cost models of time."""

from stepscope.plan.cost import CostModel

__all__ = ["CostModel"]
