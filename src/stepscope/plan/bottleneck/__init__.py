"""What limits a training run: a verdict from the times of a few sizes."""

from stepscope.plan.bottleneck._report import as_json, report, rows
from stepscope.plan.bottleneck._times import Measured, times_of
from stepscope.plan.bottleneck._verdict import find_bottleneck

__all__ = ["Measured", "as_json", "find_bottleneck", "report", "rows", "times_of"]
