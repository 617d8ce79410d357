"""Bottleneck of a training run, from its times at a few sizes."""

from stepscope.plan.bottleneck._measure import Measurement, measure_sizes
from stepscope.plan.bottleneck._report import format_rows, report, to_json
from stepscope.plan.bottleneck._verdict import find_bottleneck

__all__ = ["Measurement", "find_bottleneck", "format_rows", "measure_sizes", "report", "to_json"]
