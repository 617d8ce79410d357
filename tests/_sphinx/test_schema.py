"""The JSON Schema of the records on the site."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from stepscope._sphinx.schema import site_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests._sphinx.conftest import Build


def test_the_site_serves_it_where_it_says(build: Build, project: Path) -> None:
    """The last parts of its own address are where it lies, and a page leads there."""
    link = build("See {log-schema}`the schema`.").select_one("p a")
    assert "the schema" == link.get_text()
    served = (project / "html" / "outputs" / link["href"]).resolve()
    assert (project / "html" / site_path()).resolve() == served
    assert json.loads(served.read_text())["$id"].endswith(site_path())
    assert files("stepscope.logs").joinpath("schema.json").read_text() == served.read_text()
