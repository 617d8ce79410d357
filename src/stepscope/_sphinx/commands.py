"""The directive ``{command}``: what a command prints, run by the build.

````
```{command} stepscope read --check recordings/rsl_rl/5.5.1/diverged.txt
:status: 1
```
````

A command that ends with another exit status than ``:status:``, which is 0 unless it is given, fails the build.
Where it ends with another than 0 on purpose, the page shows what it says on standard error, too.
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

from stepscope._sphinx.excerpts import RECORDINGS, root, wrapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.config import Config

__all__ = ["output_of", "setup", "transcript"]

_known: WeakKeyDictionary[Config, dict[tuple[str, int, int], str]] = WeakKeyDictionary()
_WIDEST = 160  # a table and its summary; a line of JSON has more


def output_of(command: str, *, folder: Path, status: int = 0, columns: int = 80) -> str:
    """Return what ``stepscope ...`` or ``python ...`` prints on a terminal of so many columns, run in a folder.

    Where `status` is not 0, what is printed on standard error follows.

    Raises
    ------
    subprocess.CalledProcessError
        The command ended with another exit status than `status`.
    """
    program, *arguments = shlex.split(command)
    start = [sys.executable, "-m", "stepscope"] if program == "stepscope" else [sys.executable]
    done = subprocess.run(
        [*start, *arguments],
        env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        check=False,
    )
    if done.returncode != status:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout + (done.stderr if status else "")


def transcript(command: str, output: str, *, head: int | None = None, tail: int | None = None) -> str:
    """Return a command and what it printed as a terminal shows them.

    Examples
    --------
    >>> print(transcript("stepscope --version", "stepscope 0.1.0"))
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
def _folder_with(recordings: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / RECORDINGS).symlink_to(recordings.resolve(), target_is_directory=True)
        except OSError:  # Windows lets only some users make links
            shutil.copytree(recordings, Path(folder) / RECORDINGS)
        yield Path(folder)


class _Command(SphinxDirective):
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
        self.env.note_reread()  # what it prints depends on more files than can be named
        status, columns = self.options.get("status", 0), self.options.get("columns", 80)
        try:
            # A command that several pages show is run once, and they show the same.
            known = _known.setdefault(self.config, {})
            output = known.get((command, status, columns))
            if output is None:
                with _folder_with(root(self.env) / RECORDINGS) as folder:
                    output = output_of(command, folder=folder, status=status, columns=columns)
                known[command, status, columns] = output
        except subprocess.CalledProcessError as error:
            raise self.error(
                f"{command}: exit status {error.returncode} and not {status}: {error.stderr.strip()}"
            ) from error
        text = transcript(command, output, head=self.options.get("head"), tail=self.options.get("tail"))
        classes = ["command-output", *wrapping(text, widest=_WIDEST)]
        return [nodes.literal_block(text, text, language="console", classes=classes)]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("command", _Command)
