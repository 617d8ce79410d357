"""Error and warning about a bad value."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.nans._report import Report

__all__ = ["BadValueError", "BadValueWarning", "warn"]


class BadValueError(FloatingPointError):
    """A value that an environment returned or received is not finite or huge; `report` shows which."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.message)
        self.report = report

    def __reduce__(self) -> tuple[type[BadValueError], tuple[Report]]:
        """Pickle with the report, and not with the message."""
        return BadValueError, (self.report,)


class BadValueWarning(RuntimeWarning):
    """Warning about a bad value, where the training goes on."""


def warn(text: str) -> None:
    """Warn at the innermost line outside this package."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(f"{__package__}."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, BadValueWarning, stacklevel=level)


BadValueError.__module__ = BadValueWarning.__module__ = "stepscope.nans"
