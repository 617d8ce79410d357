"""The directive ``{recording}``: part of a recording, included by reference.

````
```{recording} rsl_rl/5.5.1/default.txt
:show: iteration 2
```
````

shows the third iteration that RSL-RL printed, shows how it was recorded, and is the text that
the snippet below it on the page parses: `excerpt` gives the same text to the build and to the tests of the snippets.

A file that ends with ``.console`` shows commands typed where a library is installed that the build lacks, and all that
they printed; ``:tail: 3`` shows the first of them and the last three lines.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._common.text import strip_escapes
from stepscope.errors import BadInputError
from stepscope.logs import LIBRARIES, read

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

    from stepscope.logs import Record

__all__ = [
    "RECORDINGS",
    "excerpt",
    "overflow_class",
    "project_root",
    "select_records",
    "setup",
    "shorten_transcript",
    "visible_text",
]

RECORDINGS = Path("recordings")
_COLOURS = "libraries.css"
"""Folder of recordings, below the project's root."""

_SELECTION = re.compile(r"(?P<kind>[a-z_]+)(?: (?:(?P<first>\d+)(?:-(?P<last>\d+))?|(?P<end>last)))?")


def excerpt(path: Path, show: str) -> str:
    """Return the part of a recording that `show` selects, with its control codes.

    Parameters
    ----------
    path
        The recording.
    show
        ``"all"``, or parts separated by commas, each a kind of record and which of them, counted from 0:
        ``"iteration 2"``, ``"message 0-3"``, ``"progress last"``, ``"checkpoint"`` for all of that kind.

    Raises
    ------
    BadInputError
        There is no such record in the recording.
    """
    text = path.read_bytes()
    if show == "all":
        return text.decode(errors="replace")
    spans = sorted(record.span for record in select_records(path, show))
    return b"".join(text[start:end] for start, end in spans).decode(errors="replace")


def select_records(path: Path, show: str, *, num_envs: int | None = None) -> list[Record]:
    """Return the records of a recording that `show` selects, as for `excerpt`.

    Raises
    ------
    BadInputError
        There is no such record in the recording.
    """
    records = list(read(path, num_envs=num_envs))
    records_shown: list[Record] = []
    for part in show.split(","):
        match = _SELECTION.fullmatch(part.strip())
        matching = [record for record in records if match and record.kind == match["kind"]]
        if match and match["first"]:
            matching = matching[int(match["first"]) : int(match["last"] or match["first"]) + 1]
        elif match and match["end"]:
            matching = matching[-1:]
        if not matching:
            raise BadInputError(f"{path} has no record that {part.strip()!r} selects.")
        records_shown += matching
    return records_shown


def shorten_transcript(text: str, tail: int) -> str:
    r"""Return the first command of a transcript, which may go on in the next row, and its last lines.

    Examples
    --------
    >>> shorten_transcript("$ train \\\n  --seed 1\na\nb\nc\n", 1)
    '$ train \\\n  --seed 1\n…\nc\n'
    """
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\\n"))
    left_out = ["…\n"] if first + tail < len(lines) else []
    return "".join([*lines[:first], *left_out, *lines[max(first, len(lines) - tail) :]])


def visible_text(text: str) -> str:
    r"""Return what a reader of a file sees: no colour codes, each redrawing of a bar on its own line.

    Examples
    --------
    >>> visible_text("\x1b[1mLearning\x1b[0m\n\r 50%|##   |\r100%|#####|\n")
    'Learning\n 50%|##   |\n100%|#####|\n'
    """
    text = strip_escapes(text).replace("\r\n", "\n")
    return re.sub(r"\n?\r", "\n", text).lstrip("\n")


def overflow_class(text: str, *, widest: int = 100) -> list[str]:
    """Return the class of a block that scrolls where the page is narrower; longer lines are wrapped instead."""
    return ["unwrapped"] if max(map(len, text.splitlines()), default=0) <= widest else []


def project_root(env: BuildEnvironment) -> Path:
    """Return the project's root: the pages are in a folder below it."""
    return Path(env.srcdir).parent


class _Recording(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {"show": directives.unchanged, "tail": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the selection depends on the recording and on all of the parser
        path = project_root(self.env) / RECORDINGS / self.arguments[0]
        try:
            text = visible_text(excerpt(path, self.options.get("show", "all")))
        except (OSError, BadInputError) as error:
            raise self.error(str(error)) from error
        recording = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        typed = path.suffix == ".console"
        if "tail" in self.options:
            text = shorten_transcript(text, self.options["tail"])
        kind = ["command-output"] if typed else ["recording"]
        classes = [*kind, f"library-{recording['library']}", *overflow_class(text)]
        block = nodes.literal_block(text, text, language="console" if typed else "text", classes=classes)
        release = f"{recording['library'].replace('_', '-')} {recording['version']}"
        source = (
            f"recorded with {release} on {recording['device']}, {recording['date']}"
            if typed
            else f"printed by {release} on {recording['date']}: "
        )
        command = [] if typed else [nodes.literal("", recording["command"])]
        return [block, nodes.paragraph("", source, *command, classes=["recording-source"])]


def _write_colours(app: Sphinx) -> None:
    """Write the style sheet that gives a recording the colour of its library."""
    rules = [
        f".library-{library.key} {{ border-left-color: {library.colour}; }}\n"
        for library in LIBRARIES
        if library.colour
    ]
    path = Path(app.outdir, "_static", _COLOURS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(rules), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register the directive, and the colours of what it shows."""
    app.add_directive("recording", _Recording)
    app.add_css_file(_COLOURS, priority=900)  # after the project's own style sheet
    app.connect("builder-inited", _write_colours)
