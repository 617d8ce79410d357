"""A Markdown twin of every page, ``page.md`` next to ``page.html``, and ``llms.txt``, which lists the twins.

sphinx-markdown-builder translates the documents that the HTML builder has resolved.
So a twin holds what the directives printed, and it takes no second build, which would run them all again.
"""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx_markdown_builder.contexts import WrappedContext
from sphinx_markdown_builder.translator import MarkdownTranslator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["describe", "format_index", "setup"]

SUMMARY = (
    "Stepscope is a guide and a Python toolkit for people who train robots in thousands of parallel environments with"
    " RL-Games, RSL-RL, skrl, Stable-Baselines3, Isaac Lab, mjlab, MuJoCo Warp or Newton: it reads their logs, explains"
    " why a run failed, estimates memory, and finds the first NaN."
)
_HINTS = """\
Each page of the site has a Markdown twin: replace `.html` by `.md`.
To find out why a run failed, run `stepscope explain --json train.log`, or look for its message below.
"""
_WITHOUT_TWIN = {"404"}
_PAGE = re.compile(r"\.html(?=#|$)")
_PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LONGEST_SENTENCE = 200


def format_index(env: BuildEnvironment, address: str) -> str:
    """Return ``llms.txt``: the title and a summary of the site, then a link and a sentence for each page.

    Parameters
    ----------
    env
        Sphinx's environment, with all pages read.
    address
        Where the site lies.
    """
    root = env.config.root_doc
    parts = [f"# {env.config.project}\n\n> {SUMMARY}\n\n{_HINTS}"]
    for first in env.toctree_includes.get(root, ()):
        rows = [_format_row(env, docname, address) for docname in _below(env, first, {root})]
        parts.append(f"## {env.titles[first].astext()}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _below(env: BuildEnvironment, docname: str, seen: set[str]) -> Iterator[str]:
    """Yield a page and the pages below it, each once."""
    if docname in seen or docname not in env.titles:
        return
    seen.add(docname)
    yield docname
    for child in env.toctree_includes.get(docname, ()):
        yield from _below(env, child, seen)


def _format_row(env: BuildEnvironment, docname: str, address: str) -> str:
    title = re.sub(r"([\[\]])", r"\\\1", env.titles[docname].astext())
    sentence = describe(env, docname, env.get_doctree(docname), longest=_LONGEST_SENTENCE)
    return f"- [{title}]({address}{docname}.md)" + (f": {sentence}" if sentence else "")


def describe(env: BuildEnvironment, docname: str, doctree: nodes.document, *, longest: int) -> str:
    """Return the description of a page, or as many sentences of its first paragraphs as are at most `longest`.

    The first sentence is always there, cut at the end of a word where it is longer.
    """
    description = env.metadata[docname].get("og:description")
    if not description:
        paragraphs = (
            paragraph.astext()
            for paragraph in doctree.findall(nodes.paragraph)
            if isinstance(paragraph.parent, nodes.section)
        )
        children = (env.titles[child].astext() for child in env.toctree_includes.get(docname, ()))
        description = next(paragraphs, "") or "; ".join(children)
    text, *others = _SENTENCE_END.split(" ".join(str(description).split()))
    for sentence in others:
        if len(text) + 1 + len(sentence) > longest:
            break
        text = f"{text} {sentence}"
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + "…"


class _Translator(MarkdownTranslator):
    """Writes Markdown from documents that were resolved for HTML."""

    def visit_literal(self, node: nodes.literal) -> None:
        text = node.astext()
        fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        space = " " if text.startswith("`") or text.endswith("`") else ""
        self.add(f"{fence}{space}{text}{space}{fence}")
        raise nodes.SkipNode

    def visit_literal_block(self, node: nodes.Element) -> None:
        text = node.astext().rstrip("\n")
        fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
        language = node.get("language", "").lower()
        self.ensure_eol(2)
        self.add(f"{fence}{'' if language in {'none', 'default'} else language}\n{text}\n{fence}")
        self.ensure_eol(2)
        raise nodes.SkipNode

    def visit_code_links_block(self, node: nodes.Element) -> None:
        """Write the code of an example, whose names sphinx-gallery has made links."""
        node["language"] = node.get("lang", "python")
        self.visit_literal_block(node)

    def visit_raw(self, node: nodes.raw) -> None:
        """Write the paragraphs of raw HTML, without their tags."""
        if "html" in node.get("format", ""):
            for paragraph in _PARAGRAPH.findall(node.astext()):
                self.add(unescape(re.sub(r"<[^>]+>", "", paragraph)).strip(), prefix_eol=2, suffix_eol=2)
        raise nodes.SkipNode

    def visit_inline(self, node: nodes.inline) -> None:
        # Style sheets put these on a line or at a distance of their own.
        if {"below", "printed-by"} & set(node["classes"]):
            self.add(" ")

    def depart_inline(self, node: nodes.inline) -> None:
        pass

    def visit_sd_tab_label(self, _node: nodes.Element) -> None:
        self.ensure_eol(2)
        self._push_context(WrappedContext("**", "**"))

    def depart_sd_tab_label(self, _node: nodes.Element) -> None:
        self._pop_context()
        self.ensure_eol(2)

    def depart_PassthroughTextElement(self, _node: nodes.Element) -> None:  # noqa: N802 - the name of a class
        self.ensure_eol(2)

    def visit_download_reference(self, node: nodes.Element) -> None:
        address = node.get("refuri") or f"{self._root()}_downloads/{node.get('filename', '')}"
        self._push_context(WrappedContext("[", f"]({address})"))

    def depart_download_reference(self, _node: nodes.Element) -> None:
        self._pop_context()

    def _pass(self, _node: nodes.Element | None = None) -> None:
        pass

    def _skip(self, _node: nodes.Element | None = None) -> None:
        raise nodes.SkipNode

    visit_abbreviation = depart_abbreviation = _pass
    visit_PassthroughTextElement = _pass  # noqa: N815 - the name of a class
    visit_comment = visit_sd_tab_input = visit_target = _skip

    def _root(self) -> str:
        return "../" * self.docname.count("/")

    def _fetch_ref_uri(self, node: nodes.reference) -> str:
        """Return the address of a link: a page of this site leads to its twin."""
        uri: str = super()._fetch_ref_uri(node)
        return _PAGE.sub(".md", uri) if node.get("internal") else uri


def _write_twin(
    app: Sphinx, pagename: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if doctree is None or pagename in _WITHOUT_TWIN:
        return
    translator = _Translator(doctree, app.builder)
    translator.docname = pagename
    doctree.walkabout(translator)
    path = Path(app.outdir, f"{pagename}.md")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(translator.astext(), encoding="utf-8")
    name = escape(pagename.rpartition("/")[2], quote=True)
    context["metatags"] = (
        context.get("metatags", "") + f'<link rel="alternate" type="text/markdown" href="{name}.md" />\n'
    )


def _write_index(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.name == "html":
        text = format_index(app.env, app.config.html_baseurl)
        Path(app.outdir, "llms.txt").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register what writes the twins and their list."""
    app.setup_extension("sphinx_markdown_builder")
    app.connect("html-page-context", _write_twin)
    app.connect("build-finished", _write_index)
