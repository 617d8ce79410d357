"""State of a machine and of its packages, as a report of a problem needs it, and known bad combinations."""

from stepscope.doctor._checks import Finding, find_problems
from stepscope.doctor._facts import Facts, collect_facts
from stepscope.doctor._ranks import RankCheck, check_ranks
from stepscope.doctor._report import format_rows, report, to_json

__all__ = [
    "Facts",
    "Finding",
    "RankCheck",
    "check_ranks",
    "collect_facts",
    "find_problems",
    "format_rows",
    "report",
    "to_json",
]
