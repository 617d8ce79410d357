"""The directive ``{measurement}``: what an example has measured in this build, as data for a script on the page.

````
```{measurement} 4_nans/plot_stability_map stability
```
````

puts the values that the example gave to `stepscope.evidence.record_measurement` as JSON into an element with the
identifier ``measurement-stability``, and states where they were measured. A preview runs no example: the page then shows how to
get them.
"""

from __future__ import annotations

import json

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import project_root
from stepscope._sphinx.figures import describe_origin
from stepscope._sphinx.tables import describe_machine, empty_state, script_link
from stepscope.evidence import evidence_folder, read_ledger

__all__ = ["MeasurementDirective", "format_data"]


def format_data(name: str, values: object) -> str:
    r"""Return an element of a page that holds values as JSON; nothing in them can end it.

    Examples
    --------
    >>> format_data("stability", {"share": 0.5, "</script>": 1})
    '<script type="application/json" id="measurement-stability">{"share":0.5,"\\u003c/script>":1}</script>'
    """
    text = json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="measurement-{name}">{text}</script>'


class MeasurementDirective(SphinxDirective):
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        script, name = self.arguments
        example = project_root(self.env) / "gallery" / f"{script}.py"
        if not example.is_file():
            raise self.error(f"there is no gallery/{script}.py")
        self.env.note_reread()  # the example may have run again
        entries = [entry for entry in read_ledger(evidence_folder()) if entry.script == script]
        if not entries or name not in entries[0].measurements:
            return [empty_state("This is measured by the build: nox -s docs runs the example.")]
        machine = describe_machine(entries)
        words = (
            nodes.Text(f"{describe_origin(example)}{machine and f' on {machine}'}; "),
            script_link(script, self.env.docname, "the script"),
            nodes.Text(" shows how."),
        )
        return [
            nodes.raw("", format_data(name, entries[0].measurements[name]), format="html"),
            nodes.paragraph("", "", *words, classes=["recording-source"]),
        ]
