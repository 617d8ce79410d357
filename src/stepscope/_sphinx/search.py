"""What the search page knows beyond Sphinx's index: messages, and the words that practitioners use.

``docs/search.toml`` lists words and the pages that they lead to, best first.
The code of the gallery is left out of the index, because a name in a script answers no question.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging

from stepscope._sphinx.symptoms import search_entries
from stepscope.explain import catalogue

if TYPE_CHECKING:
    from collections.abc import Container

    from sphinx.application import Sphinx

__all__ = ["find_unknown_pages", "read_words", "setup"]

_DATA = "search-entries.js"
_SCRIPT = "search.js"
_logger = logging.getLogger(__name__)


def read_words(path: Path) -> list[dict[str, list[str]]]:
    """Return the lists of words of a file and the pages that each leads to, best first.

    Raises
    ------
    ValueError
        A list has no words or no pages, or the same words lead to two lists of pages.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["entry"]
    seen: set[str] = set()
    for entry in entries:
        if not entry.get("words") or not entry.get("pages"):
            raise ValueError(f"{path.name}: an entry lacks words or pages: {entry}")
        if twice := seen & set(entry["words"]):
            raise ValueError(f"{path.name}: two entries have the words {', '.join(sorted(twice))}")
        seen |= set(entry["words"])
    return entries


def find_unknown_pages(entries: list[dict[str, list[str]]], known: Container[str]) -> list[str]:
    """Return the pages that words lead to and that do not exist."""
    return [page for entry in entries for page in entry["pages"] if page not in known]


def _leave_code_out(app: Sphinx, doctree: nodes.document) -> None:
    if app.env.docname.startswith("auto_gallery/"):
        for block in doctree.findall(nodes.literal_block):
            block["classes"].append("no-search")


def _write(app: Sphinx, error: Exception | None) -> None:
    path = Path(app.srcdir, "search.toml")
    if error or app.builder.format != "html" or not path.is_file():
        return
    words = read_words(path)
    for page in find_unknown_pages(words, app.env.found_docs):
        _logger.warning("search.toml leads to %s, which is no page", page)
    data = {"words": words, "symptoms": search_entries(catalogue())}
    script = f"const SEARCH_ENTRIES = {json.dumps(data, ensure_ascii=False)};\n"
    Path(app.outdir, "_static", _DATA).write_text(script, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the scripts, and write what they know once the pages are known."""
    app.connect("doctree-read", _leave_code_out)
    app.connect("build-finished", _write)
    for script in (_DATA, _SCRIPT):  # they follow Sphinx's own scripts
        app.add_js_file(script, loading_method="defer")
