"""How many environments to run: cost models of time and of memory."""

from stepscope.plan._memory_model import MemoryModel
from stepscope.plan._probe import memory_of
from stepscope.plan.cost import CostModel

__all__ = ["CostModel", "MemoryModel", "memory_of"]
