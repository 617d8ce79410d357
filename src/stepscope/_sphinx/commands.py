"""The directive ``{command}``: what a command prints, run by the build.

````
```{command} stepscope read recordings/rsl_rl/5.5.1/diverged.txt
```
````
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["output_of", "setup"]


def output_of(command: str, *, folder: Path) -> str:
    """Return what ``stepscope ...`` or ``python ...`` prints on a terminal of 80 columns, run in a folder.

    Raises
    ------
    subprocess.CalledProcessError
        The command failed.
    """
    program, *arguments = shlex.split(command)
    start = [sys.executable, "-m", "stepscope"] if program == "stepscope" else [sys.executable]
    done = subprocess.run(
        [*start, *arguments],
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        check=True,
    )
    return done.stdout


class _Command(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        command = self.arguments[0]
        self.env.note_reread()  # what it prints depends on more files than can be named
        try:
            output = output_of(command, folder=Path(self.env.app.confdir))
        except subprocess.CalledProcessError as error:
            raise self.error(f"{command}: {error.stderr.strip()}") from error
        text = f"$ {command}\n{output}"
        return [nodes.literal_block(text, text, language="console", classes=["command-output"])]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("command", _Command)
