"""Explanations of a log: the first cause of what went wrong, what it set off, and what to do.

Nothing here needs more than Python's standard library.
"""

from stepscope.explain._catalogue import (
    KINDS,
    ROLES,
    SYSTEMS,
    Cause,
    Emitted,
    Kind,
    Role,
    Rule,
    Source,
    Symptom,
    catalogue,
)
from stepscope.explain._explain import Explainer, Explanation, Occurrence, explain
from stepscope.explain._report import (
    PAGES,
    describe_symptom,
    explanation_line,
    explanation_report,
    explanation_to_dict,
    page,
    symptom_to_dict,
)

__all__ = [
    "KINDS",
    "PAGES",
    "ROLES",
    "SYSTEMS",
    "Cause",
    "Emitted",
    "Explainer",
    "Explanation",
    "Kind",
    "Occurrence",
    "Role",
    "Rule",
    "Source",
    "Symptom",
    "catalogue",
    "describe_symptom",
    "explain",
    "explanation_line",
    "explanation_report",
    "explanation_to_dict",
    "page",
    "symptom_to_dict",
]
