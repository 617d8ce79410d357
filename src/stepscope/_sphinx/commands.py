"""The directive ``{command}``: what a command prints, run by the build.

````
```{command} stepscope read --check recordings/rsl_rl/5.5.1/diverged.txt
:status: 1
```
````

A command that ends with another exit status than ``:status:``, which is 0 by default, fails the build.
Where another status than 0 is expected, the page shows standard error, too.
``:head: 3`` shows the first three lines, as ``| head -3`` would, and ``:tail: 3`` the last three.
``:columns: 110`` lays them out for a terminal that is wider than 80 columns.

Commands run in a folder of their own, in which ``recordings`` is that of the project: what they write there is gone
when the page is built.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakKeyDictionary

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, overflow_class, project_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.config import Config

__all__ = ["CommandDirective", "format_transcript", "run_command"]

_outputs: WeakKeyDictionary[Config, dict[tuple[str, int, int], str]] = WeakKeyDictionary()
_MAX_WIDTH = 160  # a table and its summary; a line of JSON has more


def run_command(command: str, *, folder: Path, status: int = 0, columns: int = 80) -> str:
    """Return what ``stepscope ...`` or ``python ...`` prints on a terminal of so many columns, run in a folder.

    Where `status` is not 0, what is printed on standard error follows.

    Raises
    ------
    subprocess.CalledProcessError
        The command ended with another exit status than `status`.
    """
    program, *arguments = shlex.split(command)
    command_prefix = [sys.executable, "-m", "stepscope"] if program == "stepscope" else [sys.executable]
    process = subprocess.run(
        [*command_prefix, *arguments],
        env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        check=False,
    )
    if process.returncode != status:
        raise subprocess.CalledProcessError(process.returncode, command, process.stdout, process.stderr)
    return process.stdout + (process.stderr if status else "")


def format_transcript(command: str, output: str, *, head: int | None = None, tail: int | None = None) -> str:
    """Return a command and what it printed as a terminal shows them.

    Examples
    --------
    >>> print(format_transcript("stepscope --version", "stepscope 0.1.0"))
    $ stepscope --version
    stepscope 0.1.0
    """
    lines = output.splitlines(keepends=True)
    if head is not None:
        return f"$ {command} | head -{head}\n" + "".join(lines[:head])
    if tail is not None:
        return f"$ {command} | tail -{tail}\n" + "".join(lines[-tail:])
    return f"$ {command}\n{output}"


@contextmanager
def _working_folder(recordings: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / RECORDINGS).symlink_to(recordings.resolve(), target_is_directory=True)
        except OSError:  # Windows lets only some users make links
            shutil.copytree(recordings, Path(folder) / RECORDINGS)
        yield Path(folder)


class CommandDirective(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {
        "status": directives.nonnegative_int,
        "head": directives.positive_int,
        "tail": directives.positive_int,
        "columns": directives.positive_int,
    }

    def run(self) -> list[nodes.Node]:
        command = self.arguments[0]
        self.env.note_reread()  # its output depends on more files than can be listed
        status, columns = self.options.get("status", 0), self.options.get("columns", 80)
        try:
            # A command that several pages show is run once, and they show the same.
            outputs = _outputs.setdefault(self.config, {})
            output = outputs.get((command, status, columns))
            if output is None:
                with _working_folder(project_root(self.env) / RECORDINGS) as folder:
                    output = run_command(command, folder=folder, status=status, columns=columns)
                outputs[command, status, columns] = output
        except subprocess.CalledProcessError as error:
            raise self.error(
                f"{command}: exit status {error.returncode}, expected {status}: {error.stderr.strip()}"
            ) from error
        text = format_transcript(
            command, output, head=self.options.get("head"), tail=self.options.get("tail")
        )
        classes = ["command-output", *overflow_class(text, widest=_MAX_WIDTH)]
        return [nodes.literal_block(text, text, language="console", classes=classes)]
