"""The JSON Schema of the records, served by the site under the address that it names itself by.

The role ``{log-schema}`` links to it: ``{log-schema}`the schema```.
"""

from __future__ import annotations

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxRole

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup", "site_path"]

_FILE = files("stepscope.logs").joinpath("schema.json")


def site_path() -> str:
    """Return where the schema lies below the root of the site: the last two parts of its name."""
    address: str = json.loads(_FILE.read_text(encoding="utf-8"))["$id"]
    return "/".join(address.split("/")[-2:])


class _LogSchema(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        up = "../" * self.env.docname.count("/")
        return [nodes.reference("", self.text, refuri=f"{up}{site_path()}", internal=True)], []


def _serve(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / site_path()
        target.parent.mkdir(exist_ok=True)
        with as_file(_FILE) as source:
            shutil.copyfile(source, target)


def setup(app: Sphinx) -> None:
    """Register the role, and serve the file."""
    app.add_role("log-schema", _LogSchema())
    app.connect("build-finished", _serve)
