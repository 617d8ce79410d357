"""Time and memory, measured in fresh processes.

One measurement is one new process that has done nothing else: after warm-up, synchronised with the device at the
boundaries only, repeated, reported as a median with its quartiles. What kills that process cannot hurt its parent.

What is compared is measured in turns (`compare`), in one such process or in alternating ones, and judged by the interval
of the ratio: other work on the machine makes a comparison longer or leaves it undecided, and does not make it wrong.
"""

from stepscope.measure._compare import Comparison, compare
from stepscope.measure._disturbance import Disturbance, DisturbanceMeter
from stepscope.measure._estimate import Estimate, all_of
from stepscope.measure._footprint import (
    RETURNS_MEMORY,
    Footprint,
    Outcome,
    footprint_of,
    footprint_of_command,
)
from stepscope.measure._gpu_memory import GpuUtilisation, explain_unseen_gpu, free_gpu_bytes
from stepscope.measure._host_memory import available_host_bytes
from stepscope.measure._loop_split import LoopSplit, LoopSplits, loop_split, loop_splits
from stepscope.measure._outcome import find_out_of_memory
from stepscope.measure._process_tree import resident_bytes
from stepscope.measure._scene import SceneCost, SceneCosts, scene_cost, scene_costs
from stepscope.measure._steps import step_time, step_times
from stepscope.measure._subprocess import MeasurementFailedError, run_in_subprocess
from stepscope.measure._supervised import SupervisedProcess
from stepscope.measure._timing import Elapsed, Timing, stopwatch, summarise

__all__ = [
    "RETURNS_MEMORY",
    "Comparison",
    "Disturbance",
    "DisturbanceMeter",
    "Elapsed",
    "Estimate",
    "Footprint",
    "GpuUtilisation",
    "LoopSplit",
    "LoopSplits",
    "MeasurementFailedError",
    "Outcome",
    "SceneCost",
    "SceneCosts",
    "SupervisedProcess",
    "Timing",
    "all_of",
    "available_host_bytes",
    "compare",
    "explain_unseen_gpu",
    "find_out_of_memory",
    "footprint_of",
    "footprint_of_command",
    "free_gpu_bytes",
    "loop_split",
    "loop_splits",
    "resident_bytes",
    "run_in_subprocess",
    "scene_cost",
    "scene_costs",
    "step_time",
    "step_times",
    "stopwatch",
    "summarise",
]
