"""How many environments to run: cost models of time and of memory."""

from stepscope.plan._bound import Verdict, bound
from stepscope.plan._bound_parts import Part, Point
from stepscope.plan._memory_model import MemoryModel
from stepscope.plan._probe import memory_of
from stepscope.plan.cost import CostModel

__all__ = ["CostModel", "MemoryModel", "Part", "Point", "Verdict", "bound", "memory_of"]
