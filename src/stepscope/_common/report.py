"""Lines of a report, as every command prints them."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["ReportLine", "Severity"]

Severity = Literal["", "good", "warn", "bad"]


class ReportLine(NamedTuple):
    """A line of a report.

    Attributes
    ----------
    label
        What it is about; empty if that is the same as above.
    text
        What there is to say.
    severity
        ``good``, ``warn``, ``bad`` or nothing.
    """

    label: str
    text: str
    severity: Severity = ""
