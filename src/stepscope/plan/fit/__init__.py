"""How many environments fit into memory: probes, a line through them, and a proof."""

from stepscope.plan.fit._fit import Budget, as_json, fit, verify
from stepscope.plan.fit._search import FIRST
from stepscope.plan.fit._words import report, rows

__all__ = ["FIRST", "Budget", "as_json", "fit", "report", "rows", "verify"]
