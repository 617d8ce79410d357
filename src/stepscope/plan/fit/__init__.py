"""How many environments fit into memory: probes, a line through them, and a proof."""

from stepscope.plan.fit._fit import Budget, fit, to_json, verify
from stepscope.plan.fit._search import FIRST
from stepscope.plan.fit._words import format_rows, report

__all__ = ["FIRST", "Budget", "fit", "format_rows", "report", "to_json", "verify"]
