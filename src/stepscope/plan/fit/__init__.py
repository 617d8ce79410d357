"""Number of environments that fit into memory: probes, a line through them, and a verification."""

from stepscope.plan.fit._capacity import Budget, estimate_capacity, verify
from stepscope.plan.fit._report import format_rows, report, to_json
from stepscope.plan.fit._search import FIRST

__all__ = ["FIRST", "Budget", "estimate_capacity", "format_rows", "report", "to_json", "verify"]
