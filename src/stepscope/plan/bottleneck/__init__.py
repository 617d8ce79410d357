"""What limits a training run: a verdict from the times of a few sizes."""

from stepscope.plan.bottleneck._measure import Measured, times_of
from stepscope.plan.bottleneck._report import format_rows, report, to_json
from stepscope.plan.bottleneck._verdict import find_bottleneck

__all__ = ["Measured", "find_bottleneck", "format_rows", "report", "times_of", "to_json"]
