"""The directive ``{command}``: what a command prints, run by the build.

````
```{command} stepscope read --check recordings/rsl_rl/5.5.1/diverged.txt
:status: 1
```
````

A command that ends with another exit status than ``:status:``, which is 0 by default, fails the build.
Where another status than 0 is expected, the page shows standard error as well.
``:head: 3`` shows the first three lines, as ``| head -3`` would, and ``:tail: 3`` the last three.
``:columns: 110`` lays them out for a terminal that is wider than 80 columns.
``:figure: WORDS`` shows below them the SVG file that the command writes, with these words as its alternative text.

All commands start before the pages are read, as many at a time as there are processors, because some take long.
Each runs in its own folder, in which ``recordings`` is that of the project: what they write there is gone
when the page is built.
"""

from __future__ import annotations

import base64
import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from weakref import WeakKeyDictionary

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, overflow_class, project_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

__all__ = ["CommandDirective", "format_transcript", "run_command", "setup"]

_DIRECTIVE = re.compile(r"^`{3,}\{command\} (?P<command>.+)\n(?P<options>(?::\w+: .*\n)*)", re.MULTILINE)
_OPTION = re.compile(r"^:(status|columns): (\d+)$", re.MULTILINE)
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


class _Call(NamedTuple):
    """A command, the exit status that it must have, and the width of its terminal."""

    command: str
    status: int = 0
    columns: int = 80


class _Outputs:
    """What commands print; one that several pages show is run once, and they show the same."""

    def __init__(self, recordings: Path) -> None:
        self._recordings = recordings
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._futures: dict[_Call, Future[tuple[str, str]]] = {}

    def start(self, call: _Call) -> Future[tuple[str, str]]:
        """Start a command unless it was started before; it yields its output, and the drawing that it writes or ``""``."""
        if call not in self._futures:
            self._futures[call] = self._pool.submit(self._run, call)
        return self._futures[call]

    def stop(self) -> None:
        """Start none of those that still wait."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, call: _Call) -> tuple[str, str]:
        if not threading.main_thread().is_alive():
            raise CancelledError  # the build was interrupted
        with _working_folder(self._recordings) as folder:
            output = run_command(call.command, folder=folder, status=call.status, columns=call.columns)
            return output, "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.svg"))


_outputs: WeakKeyDictionary[Config, _Outputs] = WeakKeyDictionary()


class CommandDirective(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {
        "status": directives.nonnegative_int,
        "head": directives.positive_int,
        "tail": directives.positive_int,
        "columns": directives.positive_int,
        "figure": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        command = self.arguments[0]
        self.env.note_reread()  # its output depends on more files than can be listed
        status = self.options.get("status", 0)
        try:
            outputs = _outputs[self.config]
            output, drawing = outputs.start(_Call(command, status, self.options.get("columns", 80))).result()
        except subprocess.CalledProcessError as error:
            raise self.error(
                f"{command}: exit status {error.returncode}, expected {status}: {error.stderr.strip()}"
            ) from error
        text = format_transcript(
            command, output, head=self.options.get("head"), tail=self.options.get("tail")
        )
        classes = ["command-output", *overflow_class(text, widest=_MAX_WIDTH)]
        block = nodes.literal_block(text, text, language="console", classes=classes)
        if "figure" not in self.options:
            return [block]
        if not drawing:
            raise self.error(f"{command} writes no SVG file for :figure:")
        return [block, nodes.raw("", _figure(drawing, self.options["figure"]), format="html")]


def _figure(drawing: str, words: str) -> str:
    data = base64.b64encode(drawing.encode()).decode()
    return f'<p><img class="figure command-figure" src="data:image/svg+xml;base64,{data}" alt="{html.escape(words)}"></p>'


def _start_all(app: Sphinx, env: BuildEnvironment, _: list[str]) -> None:
    """Start the commands of all pages; one that is written in another way starts when its page is read."""
    outputs = _outputs[app.config] = _Outputs(project_root(env) / RECORDINGS)
    if app.parallel > 1:
        return  # pages are read in processes that are forked from this one, without its threads
    for page in sorted(env.found_docs):
        path = Path(env.doc2path(page))
        for match in _DIRECTIVE.finditer(path.read_text(encoding="utf-8") if path.suffix == ".md" else ""):
            options = {name: int(value) for name, value in _OPTION.findall(match["options"])}
            outputs.start(_Call(match["command"], **options))


def _stop(app: Sphinx, _: Exception | None) -> None:
    if app.config in _outputs:
        _outputs[app.config].stop()


def setup(app: Sphinx) -> None:
    """Start the commands before the pages are read."""
    app.connect("env-before-read-docs", _start_all)
    app.connect("build-finished", _stop)
