"""The directive ``{gallery-output}``: what an example printed in this build, on a page of the guide.

````
```{gallery-output} 4_nans/plot_find_the_first_nan 1
```
````

shows the first box of output of that example, and links to the script. A preview runs no example: the page then shows how
to get it.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from textwrap import dedent

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import overflow_class, project_root
from stepscope._sphinx.figures import describe_origin
from stepscope._sphinx.tables import empty_state, script_link

__all__ = ["GalleryOutputDirective", "read_outputs", "wrap_line"]

_WIDTH = 80  # characters of a line in a box of the page at a width of 1280
_OUTPUT = re.compile(
    r"^\.\. rst-class:: sphx-glr-script-out\n\n \.\. code-block:: none\n\n((?:    .*\n|\n)+)", re.MULTILINE
)


def read_outputs(page: str) -> list[str]:
    r"""Return what the page of an example shows in its boxes of output.

    Examples
    --------
    >>> read_outputs(".. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n    one\n      two\n\n\n.. more\n")
    ['one\n  two']
    """
    return [dedent(match[1]).strip("\n") for match in _OUTPUT.finditer(page)]


def wrap_line(line: str) -> str:
    r"""Return a line in lines that fit into a box, below the text that follows its label.

    Examples
    --------
    >>> print(wrap_line("action    " + "shoulder 0.1, " * 6))
    action    shoulder 0.1, shoulder 0.1, shoulder 0.1, shoulder 0.1, shoulder 0.1,
              shoulder 0.1,
    >>> wrap_line("    " + 20 * "long") == "    " + 20 * "long"
    True
    """
    match = re.match(r"\S.*?\s{2,}|\s*", line)
    label = match[0] if match else ""
    lines = textwrap.wrap(
        line[len(label) :],
        _WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines) or line.rstrip()


class GalleryOutputDirective(SphinxDirective):
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        script, number = self.arguments
        example = project_root(self.env) / "gallery" / f"{script}.py"
        if not example.is_file() or not number.isdigit():
            raise self.error(f"there is no output {number} of gallery/{script}.py")
        self.env.note_reread()  # the example may have run again
        page = Path(self.env.srcdir) / "auto_gallery" / f"{script}.rst"
        outputs = read_outputs(page.read_text(encoding="utf-8")) if page.is_file() else []
        if not outputs:
            return [empty_state("The build prints this: nox -s docs runs the example.")]
        if not 1 <= int(number) <= len(outputs):
            raise self.error(f"gallery/{script}.py has {len(outputs)} boxes of output")
        text = "\n".join(map(wrap_line, outputs[int(number) - 1].splitlines()))
        link = script_link(script, self.env.docname, "the script")
        words = (
            nodes.Text(f"{describe_origin(example).replace('Measured', 'Printed')}; "),
            link,
            nodes.Text(" shows how."),
        )
        return [
            nodes.literal_block(
                text, text, language="none", classes=["command-output", *overflow_class(text)]
            ),
            nodes.paragraph("", "", *words, classes=["recording-source"]),
        ]
