"""What conf.py needs, so that conf.py itself stays a list of settings.

Importing the modules below needs Sphinx and sphinx-gallery; nothing else in stepscope imports them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope._sphinx import (
    citations,
    claims,
    commands,
    excerpts,
    fault_outcomes,
    figures,
    lead_figure,
    mathml,
    rates,
    records,
    schema,
    tables,
    versions,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_MODULES = (
    citations,
    claims,
    commands,
    excerpts,
    fault_outcomes,
    figures,
    lead_figure,
    mathml,
    rates,
    records,
    schema,
    tables,
    versions,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, the roles and the check for stale examples."""
    for module in _MODULES:
        module.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
