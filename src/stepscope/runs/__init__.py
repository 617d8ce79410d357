"""Summaries of the runs in a log, and comparisons between runs."""

from stepscope.runs._compare import Row, compare
from stepscope.runs._failure import Failure
from stepscope.runs._rates import SCOPES, Rate, TimeShares, scope_label, time_shares
from stepscope.runs._report import library_label, report
from stepscope.runs._run import Run, RunSummary
from stepscope.runs._summary import Summary
from stepscope.runs._trends import MetricTrend

__all__ = [
    "SCOPES",
    "Failure",
    "MetricTrend",
    "Rate",
    "Row",
    "Run",
    "RunSummary",
    "Summary",
    "TimeShares",
    "compare",
    "library_label",
    "report",
    "scope_label",
    "time_shares",
]
