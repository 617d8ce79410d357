"""What the records of a log come to: runs, their rates and results, and how they compare."""

from stepscope.runs._compare import Row, compare
from stepscope.runs._failure import Failure
from stepscope.runs._progress import Count
from stepscope.runs._rates import SCOPES, Course, Courses, Rate, TimeShares
from stepscope.runs._report import library_label, report
from stepscope.runs._run import Run, RunSummary
from stepscope.runs._summary import Summary
from stepscope.runs._versions import TRAINING

__all__ = [
    "SCOPES",
    "TRAINING",
    "Count",
    "Course",
    "Courses",
    "Failure",
    "Rate",
    "Row",
    "Run",
    "RunSummary",
    "Summary",
    "TimeShares",
    "compare",
    "library_label",
    "report",
]
