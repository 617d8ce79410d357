"""Link to the table of what each change of settings does."""

from __future__ import annotations

from stepscope._common.report import ReportLine

__all__ = ["CHANGES_PAGE", "link_to_changes"]

CHANGES_PAGE = "https://stepscope.github.io/stepscope/guide/index.html#what-does-each-change-do"


def link_to_changes() -> ReportLine:
    """Return the line of a report that follows its advice."""
    return ReportLine("side effects", f"of each change: {CHANGES_PAGE}")
