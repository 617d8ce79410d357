"""The directive ``{gallery-figure}``: a figure that the build has measured, on a page of the guide.

````
```{gallery-figure} 5_outputs/plot_four_meanings_of_fps 1
```
````

shows the first figure of that example and leads to the script. A preview runs no
example: where the figure was never drawn, the page shows how to get it.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import project_root
from stepscope._sphinx.tables import describe_machine, empty_state, script_link
from stepscope.evidence import evidence_folder, read_ledger

__all__ = ["GalleryFigureDirective", "describe_origin", "read_alternative_text"]


def describe_origin(script: Path) -> str:
    """Return where the numbers of an example come from."""
    compares = "read_recorded(" in script.read_text(encoding="utf-8")
    return "Recorded at full size, and measured again by this build" if compares else "Measured by this build"


def read_alternative_text(path: str, page: str) -> str:
    r"""Return the alternative text of a figure on the page of its example.

    Examples
    --------
    >>> read_alternative_text("a/one_001.svg", ".. image:: /a/one_001.svg\n   :alt: One line goes up\n   :class: figure\n")
    'One line goes up'
    """
    match = re.search(rf"^\.\. image:: /{re.escape(path)}\n   :alt: (.+)$", page, re.MULTILINE)
    return match[1] if match else ""


class GalleryFigureDirective(SphinxDirective):
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        script, number = self.arguments
        project = project_root(self.env)
        if not (project / "gallery" / f"{script}.py").is_file() or not number.isdigit():
            raise self.error(f"there is no figure {number} of gallery/{script}.py")
        self.env.note_reread()  # the example may have run again
        folder, _, name = script.rpartition("/")
        drawing = f"auto_gallery/{folder}/images/sphx_glr_{name}_{int(number):03}.svg"
        if not (Path(self.env.srcdir) / drawing).is_file():
            return [empty_state("This figure is measured by the build: nox -s docs draws it.")]
        page = (Path(self.env.srcdir) / "auto_gallery" / f"{script}.rst").read_text(encoding="utf-8")
        image = nodes.image(
            uri=f"/{drawing}",
            alt=read_alternative_text(drawing, page),
            classes=["figure", "dark-light"],
        )
        link = script_link(script, self.env.docname, "the script")
        origin = describe_origin(project / "gallery" / f"{script}.py")
        machine = describe_machine(
            [entry for entry in read_ledger(evidence_folder()) if entry.script == script]
        )
        words = nodes.Text(f"{origin}{machine and f' on {machine}'}; "), link, nodes.Text(" shows how.")
        return [image, nodes.paragraph("", "", *words, classes=["recording-source"])]
