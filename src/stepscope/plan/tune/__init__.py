"""Search for the settings that train fastest: trials on the user's own training, finals on fresh seeds, a decision."""

from stepscope.plan.tune._report import Tuning, conclude, format_rows, report, to_json
from stepscope.plan.tune._runner import LocalRunner, RayRunner
from stepscope.plan.tune._space import Dimension, Space, parse_search
from stepscope.plan.tune._study import Study, Task
from stepscope.plan.tune._trial import Outcome, run_trial

__all__ = [
    "Dimension",
    "LocalRunner",
    "Outcome",
    "RayRunner",
    "Space",
    "Study",
    "Task",
    "Tuning",
    "conclude",
    "format_rows",
    "parse_search",
    "report",
    "run_trial",
    "to_json",
]
