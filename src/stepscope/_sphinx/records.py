"""The directive ``{record}``: the records of a part of a recording, as indented JSON.

````
```{record} rsl_rl/5.5.1/default.txt
:show: iteration 2
```
````

The part is selected as in ``{recording}``. ``:only:`` names the fields to show; all of them by default.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, project_root, select_records
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


__all__ = ["RecordDirective", "format_record"]

_WIDTH = 78


def format_record(record: Mapping[str, Any], *, only: Collection[str] = ()) -> str:
    """Return a record as JSON with a field a line, and a field that does not fit in one with an entry a line.

    Examples
    --------
    >>> print(format_record({"kind": "message", "fps": {"step": None}, "span": [0, 9]}, only=["kind", "span"]))
    {
      "kind": "message",
      "span": [0, 9]
    }
    """
    fields = [_field(name, value) for name, value in record.items() if not only or name in only]
    return "{\n" + ",\n".join(fields) + "\n}"


def _field(name: str, value: object) -> str:
    line = f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
    if isinstance(value, dict) and len(line) > _WIDTH:
        entries = [f"    {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items()]
        return f"  {json.dumps(name)}: {{\n" + ",\n".join(entries) + "\n  }"
    return line


class RecordDirective(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {
        "show": directives.unchanged_required,
        "only": directives.unchanged,
        "num-envs": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it depends on the recording and on all of the parser
        path = project_root(self.env) / RECORDINGS / self.arguments[0]
        try:
            records = select_records(path, self.options["show"], num_envs=self.options.get("num-envs"))
        except (OSError, BadInputError) as error:
            raise self.error(str(error)) from error
        only = self.options.get("only", "").split()
        text = "\n".join(format_record(json.loads(record.to_json()), only=only) for record in records)
        return [nodes.literal_block(text, text, language="json", classes=["record"])]
