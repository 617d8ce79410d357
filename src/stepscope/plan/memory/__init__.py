"""Estimates of PyTorch's memory in a training run with PPO, counted before anything runs."""

from stepscope.plan.memory._estimate import Item, MemoryEstimate, estimate_memory
from stepscope.plan.memory._releases import split_release
from stepscope.plan.memory._report import format_rows, report, to_json
from stepscope.plan.memory._training import LIBRARIES, Training

__all__ = [
    "LIBRARIES",
    "Item",
    "MemoryEstimate",
    "Training",
    "estimate_memory",
    "format_rows",
    "report",
    "split_release",
    "to_json",
]
