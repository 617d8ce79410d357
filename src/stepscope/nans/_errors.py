"""How a recorder says that something is bad: an error, or a warning where the training goes on."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.nans._report import Report

__all__ = ["BadValueError", "BadValueWarning", "warn"]


class BadValueError(FloatingPointError):
    """Something that an environment gave or was given is not finite; `report` says what."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.message)
        self.report = report

    def __reduce__(self) -> tuple[type[BadValueError], tuple[Report]]:
        """Reach another process whole: a copy is made from the report, and not from the message."""
        return BadValueError, (self.report,)


class BadValueWarning(RuntimeWarning):
    """The same, where the training goes on."""


def warn(text: str) -> None:
    """Warn at the line outside of this package that led here."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(f"{__package__}."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, BadValueWarning, stacklevel=level)


BadValueError.__module__ = BadValueWarning.__module__ = "stepscope.nans"
