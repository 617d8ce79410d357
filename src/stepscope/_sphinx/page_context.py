"""What every page has around its text: a description, links to edit it and to report a problem, names of controls."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from stepscope._sphinx.markdown import describe
from stepscope._sphinx.symptoms import FOLDER, has_page

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["find_source", "format_report_link", "name_summaries", "setup"]

_REPOSITORY = "https://github.com/stepscope/stepscope"
_LONGEST_DESCRIPTION = 160
_SUMMARY = re.compile(r"(<a [^>]*>)(?P<title>(?:(?!</a>).)*)(</a>\s*<details[^>]*>\s*)<summary>", re.DOTALL)


def find_source(docname: str) -> str:
    """Return the file that a page is written from, below the root of the repository.

    Examples
    --------
    >>> find_source("guide/nans")
    'docs/guide/nans.md'
    >>> find_source("auto_gallery/4_nans/plot_stability_map")
    'gallery/4_nans/plot_stability_map.py'
    >>> find_source("auto_gallery/4_nans/index")
    'gallery/4_nans/GALLERY_HEADER.rst'
    >>> find_source("troubleshooting/nan-loss")
    'src/stepscope/explain/symptoms/nan-loss.toml'
    """
    folder, _, name = docname.rpartition("/")
    if docname.startswith("auto_gallery/"):
        below = folder.removeprefix("auto_gallery").lstrip("/")
        file = "GALLERY_HEADER.rst" if name == "index" else f"{name}.py"
        return "/".join(filter(None, ("gallery", below, file)))
    if folder == FOLDER and has_page(name):
        return f"src/stepscope/explain/symptoms/{name}.toml"
    return f"docs/{docname}.md"


def format_report_link(address: str, version: str) -> str:
    """Return the address of a form for a report on a page; it carries the page and versions, and no data of a reader."""
    body = (
        f"Page: {address}\nStepscope: {version}\n\nWhat is wrong or missing?\n\n\n"
        "Versions of the library and of the simulator (`stepscope doctor` prints them):\n"
    )
    return f"{_REPOSITORY}/issues/new?{urlencode({'body': body})}"


def name_summaries(html: str) -> str:
    """Return the tree of a sidebar in which each control has the title of the page that it unfolds.

    Examples
    --------
    >>> name_summaries('<a href="guide.html">Guide</a><details><summary>')
    '<a href="guide.html">Guide</a><details><summary aria-label="Pages below Guide">'
    """
    return _SUMMARY.sub(
        lambda match: (
            f'{match[1]}{match["title"]}{match[3]}<summary aria-label="Pages below '
            f'{re.sub("<[^>]+>", "", match["title"]).strip()}">'
        ),
        html,
    )


def _add(
    app: Sphinx, docname: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if doctree is None:
        return
    description = describe(app.env, docname, doctree, longest=_LONGEST_DESCRIPTION)
    context["meta"] = {**(context.get("meta") or {}), "og:description": description}
    quoted = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    context["metatags"] += f'<meta name="description" content="{quoted}" />\n'
    if docname == "404":
        return
    address = f"{app.config.html_baseurl}{app.builder.get_target_uri(docname)}"
    context["edit_link"] = f"{_REPOSITORY}/edit/main/{find_source(docname)}"
    context["report_link"] = format_report_link(address, app.config.release)
    # The pages of messages are an index, not a book: nobody reads them one after another.
    folder, _, name = docname.rpartition("/")
    if folder == FOLDER and (has_page(name) or name == "systems"):
        context["prev"] = context["next"] = None


def _name_controls(
    _app: Sphinx, _docname: str, _template: str, context: dict[str, Any], _doctree: nodes.document | None
) -> None:
    if generate := context.get("generate_toctree_html"):

        @cache
        def generate_named(*arguments: object, **options: object) -> str:
            return name_summaries(str(generate(*arguments, **options)))

        context["generate_toctree_html"] = generate_named


def setup(app: Sphinx) -> None:
    """Register both: before the extension that writes the tags for shared links, and after the theme."""
    app.connect("html-page-context", _add, priority=450)
    app.connect("html-page-context", _name_controls, priority=900)
