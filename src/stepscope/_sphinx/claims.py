"""The directive ``{claims}``: the claims of this build that settle a question.

````
```{claims} C04
```

```{claims} C02 1_environments/plot_what_limits_me
```
````

shows the claims that settle it, with verdict, measured value and script; a second argument takes those of one script only.
What GPUs have recorded of it is next to them, in a column for each.
A preview runs no example: the page then shows how to check them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.devices import device_columns
from stepscope._sphinx.excerpts import project_root
from stepscope._sphinx.tables import (
    as_sentence,
    describe_machine,
    empty_state,
    script_link,
    undecided_reason,
    verdict_node,
)
from stepscope.evidence import evidence_folder, read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["ClaimsDirective"]

_QUESTION = re.compile(r"[BC]\d+")


class ClaimsDirective(SphinxDirective):
    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        question, *scripts = self.arguments
        if not _QUESTION.fullmatch(question):
            raise self.error(f"{question} is not the number of a question, such as C04")
        for script in scripts:
            if not (project_root(self.env) / "gallery" / f"{script}.py").is_file():
                raise self.error(f"there is no gallery/{script}.py")
        self.env.note_reread()  # it shows the evidence of this build
        entries = [
            (entry, claim)
            for entry in read_ledger(evidence_folder())
            if entry.script in (scripts or [entry.script])
            for claim in entry.claims
            if claim.get("question") == question
        ]
        if not entries:
            return [empty_state(f"The build settles {question}: nox -s docs.")]
        claims = [self._claim(entry.script, claim) for entry, claim in entries]
        boxes: list[nodes.Node] = [nodes.bullet_list("", *claims, classes=["claims"])]
        if machine := describe_machine([entry for entry, _ in entries]):
            boxes.append(nodes.paragraph("", f"Checked on {machine}.", classes=["recording-source"]))
        columns = device_columns(
            project_root(self.env),
            self.env.docname,
            lambda script, claim: claim.get("question") == question and script in (scripts or [script]),
        )
        if not columns:
            return boxes
        return [nodes.container("", nodes.container("", *boxes), *columns, classes=["device-columns"])]

    def _claim(self, script: str, claim: Mapping[str, Any]) -> nodes.Node:
        words = [
            verdict_node(claim),
            nodes.Text(f" {as_sentence(claim['statement'])}. Measured: "),
            nodes.strong("", claim["value"]),
            nodes.Text(" "),
            nodes.inline("", "", script_link(script, self.env.docname), classes=["script"]),
            *undecided_reason(project_root(self.env), script, claim),
        ]
        return nodes.list_item("", nodes.paragraph("", "", *words))
