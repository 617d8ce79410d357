"""Recorded results of GPUs, in columns of their own next to what the build has measured.

Each folder in ``results/`` whose results name a driver is a GPU. Its claims appear on every page that shows the claims of
the same question, and on the pages of the examples that it has run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from docutils import nodes

from stepscope._sphinx.excerpts import project_root
from stepscope._sphinx.tables import as_sentence, script_link, verdict_node
from stepscope.evidence import read_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["device_columns", "setup"]

_GALLERY = "auto_gallery/"


def device_columns(
    root: Path, docname: str, select: Callable[[str, Mapping[str, Any]], bool]
) -> list[nodes.Node]:
    """Return a column for each GPU that has recorded a selected claim.

    Parameters
    ----------
    root
        Root of the project.
    docname
        Page on which they are shown.
    select
        Called with the name of a script and one of its claims.
    """
    columns = []
    for device, results in _results_by_gpu(root).items():
        selected = [
            (result, claim)
            for result in results
            for claim in result["claims"]
            if select(result["script"], claim)
        ]
        if selected:
            claims = [_claim(result, claim, docname) for result, claim in selected]
            dates = ", ".join(sorted({str(result["date"]) for result, _ in selected}))
            origin = nodes.paragraph("", f"Recorded on {device} ({dates}).", classes=["recording-source"])
            columns.append(nodes.container("", nodes.bullet_list("", *claims, classes=["claims"]), origin))
    return columns


def _results_by_gpu(root: Path) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for result in read_results(root / "results"):
        if result.get("driver"):
            found[result["device"]].append(result)
    return found


def _claim(result: Mapping[str, Any], claim: Mapping[str, Any], docname: str) -> nodes.Node:
    words = [
        verdict_node({**claim, "recorded": True}),
        nodes.Text(f" {as_sentence(claim['statement'])}. Measured: "),
        nodes.strong("", claim["value"]),
        nodes.Text(" "),
        nodes.inline("", "", script_link(result["script"], docname), classes=["script"]),
    ]
    return nodes.list_item("", nodes.paragraph("", "", *words))


def _show_on_example(app: Sphinx, doctree: nodes.document) -> None:
    """Append what GPUs have recorded to the page of an example."""
    docname = app.env.docname
    section = next(iter(doctree.findall(nodes.section)), None)
    if not docname.startswith(_GALLERY) or section is None:
        return
    script = docname.removeprefix(_GALLERY)
    columns = device_columns(project_root(app.env), docname, lambda name, _: name == script)
    if columns:
        heading = nodes.rubric("", "On a GPU")
        section += [heading, nodes.container("", *columns, classes=["device-columns"])]


def _outdated(_app: Sphinx, env: BuildEnvironment, *_: set[str]) -> Iterator[str]:
    """Yield the pages of examples that a GPU has run: a new folder of results changes no page's own file."""
    for results in _results_by_gpu(project_root(env)).values():
        for result in results:
            if (name := f"{_GALLERY}{result['script']}") in env.found_docs:
                yield name


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.connect("doctree-read", _show_on_example, priority=550)
    app.connect("env-get-outdated", lambda *arguments: list(_outdated(*arguments)))
