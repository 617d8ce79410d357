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

__all__ = [
    "KINDS",
    "ROLES",
    "SYSTEMS",
    "Cause",
    "Emitted",
    "Kind",
    "Role",
    "Rule",
    "Source",
    "Symptom",
    "catalogue",
]
