"""How many environments fit into memory: probes, a line through them, and a proof."""

from stepscope.plan.fit._capacity import Budget, fit, to_json, verify
from stepscope.plan.fit._report import format_rows, report
from stepscope.plan.fit._search import FIRST

__all__ = ["FIRST", "Budget", "fit", "format_rows", "report", "to_json", "verify"]
