"""Summaries of the runs in a log, and comparisons between runs."""

from stepscope.runs._compare import Row, compare
from stepscope.runs._failure import Failure
from stepscope.runs._learning import LearningCurve, LearningPoint
from stepscope.runs._messages import Place
from stepscope.runs._rates import SCOPES, Rate, TimeShares, scope_label, time_shares
from stepscope.runs._report import RATE_HEADER, library_label, progress_sentence, rate_rows, report
from stepscope.runs._run import Run, RunSummary
from stepscope.runs._summary import MOST_RUNS, Summary
from stepscope.runs._trends import MetricTrend

__all__ = [
    "MOST_RUNS",
    "RATE_HEADER",
    "SCOPES",
    "Failure",
    "LearningCurve",
    "LearningPoint",
    "MetricTrend",
    "Place",
    "Rate",
    "Row",
    "Run",
    "RunSummary",
    "Summary",
    "TimeShares",
    "compare",
    "library_label",
    "progress_sentence",
    "rate_rows",
    "report",
    "scope_label",
    "time_shares",
]
