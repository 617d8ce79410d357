"""Settings of minibatches that each library accepts."""

from stepscope.plan.batches._report import describe_remainder, format_rows, report, to_json
from stepscope.plan.batches._settings import Batches, Setting, check_setting, find_batches

__all__ = [
    "Batches",
    "Setting",
    "check_setting",
    "describe_remainder",
    "find_batches",
    "format_rows",
    "report",
    "to_json",
]
