"""Time and memory, measured in fresh processes.

One measurement is one new process that has done nothing else: after warm-up, synchronised with the device at the
boundaries only, repeated, reported as a median with its quartiles. What kills that process cannot hurt its parent.
"""

from stepscope.measure._footprint import Footprint, Outcome, footprint_of, footprint_of_command
from stepscope.measure._fresh import MeasurementFailedError, fresh
from stepscope.measure._scene import SceneCost, scene_cost
from stepscope.measure._split import LoopSplit, loop_split
from stepscope.measure._steps import step_time
from stepscope.measure._timing import Timing, summarise, time_blocks

__all__ = [
    "Footprint",
    "LoopSplit",
    "MeasurementFailedError",
    "Outcome",
    "SceneCost",
    "Timing",
    "footprint_of",
    "footprint_of_command",
    "fresh",
    "loop_split",
    "scene_cost",
    "step_time",
    "summarise",
    "time_blocks",
]
