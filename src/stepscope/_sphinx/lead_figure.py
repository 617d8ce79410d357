"""The first figure of an example, shown again below its introduction: a page opens with the answer.

sphinx-gallery shows a script from top to bottom, so its figure comes late.
Thumbnails get an alternative text as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

from stepscope._sphinx.excerpts import project_root
from stepscope._sphinx.figures import describe_origin

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_THUMBNAIL = re.compile(r"(?P<folder>auto_gallery/.*)images/thumb/sphx_glr_(?P<name>\w+)_thumb\.\w+$")


def _show_figure_first(app: Sphinx, doctree: nodes.document) -> None:
    if not app.env.docname.startswith("auto_gallery/"):
        return
    for note in list(doctree.findall(nodes.note)):
        if "sphx-glr-download-link-note" in note["classes"]:
            note.parent.remove(note)
    figures = [image for image in doctree.findall(nodes.image) if "figure" in image["classes"]][:1]
    section = next(iter(doctree.findall(nodes.section)), None)
    if section is None or not figures:
        return
    first_block = next(
        (index for index, child in enumerate(section) if isinstance(child, nodes.literal_block)), len(section)
    )
    script = project_root(app.env) / "gallery" / f"{app.env.docname.removeprefix('auto_gallery/')}.py"
    words = f"{describe_origin(script)}; device and versions are at the end of the page."
    origin = nodes.paragraph("", words)
    answer = nodes.container("", *[figure.deepcopy() for figure in figures], origin, classes=["answer"])
    section.insert(first_block, answer)


def _load_when_shown(_app: Sphinx, doctree: nodes.document) -> None:
    for image in doctree.findall(nodes.image):
        if "figure" in image["classes"]:
            image["loading"] = "lazy"


def _describe_thumbnails(app: Sphinx, doctree: nodes.document, _docname: str) -> None:
    for image in doctree.findall(nodes.image):
        match = _THUMBNAIL.search(image["uri"])
        title = app.env.titles.get(f"{match['folder']}{match['name']}") if match else None
        if title is not None:
            image["alt"] = f"Figure of the example: {title.astext()}"


def setup(app: Sphinx) -> None:
    """Register the transforms."""
    app.connect("doctree-read", _show_figure_first)
    app.connect("doctree-read", _load_when_shown, priority=600)
    app.connect("doctree-resolved", _describe_thumbnails)
