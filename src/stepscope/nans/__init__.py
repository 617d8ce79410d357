"""Find the first bad value: NaN, infinity, or what is too large to be true.

`record` puts a recorder around an environment, which reports and writes a dump; `load` reads that, `replay` steps a
fresh environment through it, and `bisect` does so with one thing changed at a time.

All of it needs torch 2.4 or newer and NumPy 1.26 or newer.
"""

from stepscope.nans._causes import Cause
from stepscope.nans._cost import cost
from stepscope.nans._dump import Dump, load
from stepscope.nans._errors import BadValueError, BadValueWarning
from stepscope.nans._first_bad import BadValue
from stepscope.nans._flatten import name_parts
from stepscope.nans._page import page
from stepscope.nans._record import record
from stepscope.nans._recorder import Recorder
from stepscope.nans._replay import Cure, Replay, bisect, replay
from stepscope.nans._report import Report
from stepscope.nans._updates import BadUpdate, BadUpdateError

__all__ = [
    "BadUpdate",
    "BadUpdateError",
    "BadValue",
    "BadValueError",
    "BadValueWarning",
    "Cause",
    "Cure",
    "Dump",
    "Recorder",
    "Replay",
    "Report",
    "bisect",
    "cost",
    "load",
    "name_parts",
    "page",
    "record",
    "replay",
]
