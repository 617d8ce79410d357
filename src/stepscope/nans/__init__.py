"""Find the first bad value: NaN, infinity, or an implausibly large value.

`record` puts a recorder around an environment, which reports it and writes a dump; `load` reads that, `replay` steps a
new environment through it, and `try_interventions` does so with one thing changed at a time. `inspect_checkpoint` tests
what a training saved.

All of it needs torch 2.4 or newer and NumPy 1.26 or newer.
"""

from stepscope.nans._causes import Cause
from stepscope.nans._checkpoint import BadTensor, Checkpoint, inspect_checkpoint, last_good
from stepscope.nans._dump import Dump, load
from stepscope.nans._errors import BadValueError, BadValueWarning
from stepscope.nans._first_bad import BadValue
from stepscope.nans._names import parse_tensor_name
from stepscope.nans._page import render_page
from stepscope.nans._record import cost, record
from stepscope.nans._recorder import Recorder
from stepscope.nans._replay import Replay, Trial, replay, try_interventions
from stepscope.nans._report import Report
from stepscope.nans._updates import BadUpdate, BadUpdateError

__all__ = [
    "BadTensor",
    "BadUpdate",
    "BadUpdateError",
    "BadValue",
    "BadValueError",
    "BadValueWarning",
    "Cause",
    "Checkpoint",
    "Dump",
    "Recorder",
    "Replay",
    "Report",
    "Trial",
    "cost",
    "inspect_checkpoint",
    "last_good",
    "load",
    "parse_tensor_name",
    "record",
    "render_page",
    "replay",
    "try_interventions",
]
