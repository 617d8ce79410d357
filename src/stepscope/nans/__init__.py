"""Find the first bad value: NaN, infinity, or what is too large to be true."""

from stepscope.nans._causes import Cause
from stepscope.nans._find import BadValue
from stepscope.nans._record import BadValueError, BadValueWarning, Recorder, record
from stepscope.nans._report import Report

__all__ = ["BadValue", "BadValueError", "BadValueWarning", "Cause", "Recorder", "Report", "record"]
