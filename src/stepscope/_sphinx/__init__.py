"""Sphinx extension of the guide, so that conf.py itself stays a list of settings.

Importing the modules below needs Sphinx and sphinx-gallery; nothing else in stepscope imports them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_MODULES = (
    *(
        "citations",
        "claims",
        "commands",
        "excerpts",
        "fault_outcomes",
        "figures",
        "lead_figure",
        "mathml",
        "rates",
    ),
    *("records", "schema", "tables", "versions"),
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, roles, transforms and renderers."""
    for name in _MODULES:
        import_module(f"stepscope._sphinx.{name}").setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
