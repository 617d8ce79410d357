"""The commands on damaged logs: a status, perhaps a sentence, and never a traceback."""

from __future__ import annotations

import io
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz._cases import damaged
from fuzz._tools import as_json, hold, same
from stepscope.cli import main

if TYPE_CHECKING:
    import random

__all__ = ["commanded"]

_COMMANDS = (
    ("read",),
    ("read", "--all"),
    ("read", "--json"),
    ("read", "--csv"),
    ("read", "--check"),
    ("read", "--num-envs", "64"),
    ("compare",),
    ("explain",),
    ("explain", "--check"),
    ("explain", "--json"),
)

_STATUSES = (0, 1, 2)  # well, a failure was found, makes no sense


def commanded(data: bytes, choose: random.Random) -> None:
    """Run a command on a log, or on two."""
    command = choose.choice(_COMMANDS)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "a.log"]
        paths[0].write_bytes(data)
        if command[0] == "compare" or choose.random() < 0.2:  # noqa: PLR2004 - now and then
            paths.append(Path(folder) / "b.log")
            paths[1].write_bytes(damaged(choose))
        status, out, err = _run([*command, *map(str, paths)])
        hold(status in _STATUSES, f"{command} ends with status {status}")
        hold("Traceback" not in err, f"{command} shows a traceback")
        hold(
            status != _STATUSES[-1] or err.startswith("stepscope: "),
            f"{command} ends with status 2 and says {err[:100]!r}",
        )
        if command == ("read", "--json"):
            same(out.splitlines(), [line for path in paths for line in as_json(path)], "by the command")


def _run(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return status, out.getvalue(), err.getvalue()
