"""Sphinx extension of the guide, so that conf.py itself stays a list of settings.

Importing the modules below needs Sphinx and sphinx-gallery; nothing else in stepscope imports them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope._sphinx import (
    browser_tools,
    commands,
    devices,
    excerpts,
    lead_figure,
    markdown,
    mathml,
    page_context,
    schema,
    search,
    symptoms,
)
from stepscope._sphinx.citations import SourceRole
from stepscope._sphinx.claims import ClaimsDirective
from stepscope._sphinx.commands import CommandDirective
from stepscope._sphinx.fault_outcomes import FaultOutcomesDirective
from stepscope._sphinx.figures import GalleryFigureDirective
from stepscope._sphinx.gallery_output import GalleryOutputDirective
from stepscope._sphinx.measurements import MeasurementDirective
from stepscope._sphinx.memory_presets import MemoryPresetsDirective
from stepscope._sphinx.minibatch_settings import MinibatchSettingsDirective
from stepscope._sphinx.rates import OurRatesDirective, PublishedRatesDirective
from stepscope._sphinx.records import RecordDirective
from stepscope._sphinx.tables import ClaimsLedgerDirective, RecordedResultsDirective
from stepscope._sphinx.versions import VersionsDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_DIRECTIVES = {
    "claims": ClaimsDirective,
    "claims-ledger": ClaimsLedgerDirective,
    "command": CommandDirective,
    "fault-outcomes": FaultOutcomesDirective,
    "gallery-figure": GalleryFigureDirective,
    "gallery-output": GalleryOutputDirective,
    "measurement": MeasurementDirective,
    "memory-presets": MemoryPresetsDirective,
    "minibatch-settings": MinibatchSettingsDirective,
    "our-rates": OurRatesDirective,
    "published-rates": PublishedRatesDirective,
    "record": RecordDirective,
    "recorded-results": RecordedResultsDirective,
    "versions": VersionsDirective,
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, roles, transforms and renderers."""
    for name, directive in _DIRECTIVES.items():
        app.add_directive(name, directive)
    app.add_role("source", SourceRole())
    for module in (
        browser_tools,
        commands,
        devices,
        excerpts,
        lead_figure,
        markdown,
        mathml,
        page_context,
        schema,
        search,
        symptoms,
    ):
        module.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
