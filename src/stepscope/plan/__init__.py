"""Planning of the number of environments: cost models of time and of memory."""

from stepscope.plan._memory_model import MemoryModel
from stepscope.plan._probe import Load, Probe, memory_of
from stepscope.plan._target import Target
from stepscope.plan.bottleneck._parts import Part, Point
from stepscope.plan.bottleneck._verdict import Verdict, find_bottleneck
from stepscope.plan.cost import CostModel

__all__ = [
    "CostModel",
    "Load",
    "MemoryModel",
    "Part",
    "Point",
    "Probe",
    "Target",
    "Verdict",
    "find_bottleneck",
    "memory_of",
]
