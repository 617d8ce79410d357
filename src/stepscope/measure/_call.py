"""What happens inside of a fresh process, however it came to be, and how its end is told."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import sys
from typing import Any

from stepscope._common import printable
from stepscope._common.exit_status import describe_exit
from stepscope.errors import BadInputError

__all__ = ["call", "describe_unanswered", "import_first", "last_words", "shown", "told", "watch"]

_LAST_WORDS = 12  # lines
_LONGEST = 300  # characters of a line that are shown


def import_first() -> None:
    """Import what takes seconds, before anything is measured."""
    for package in ("torch", "gymnasium"):
        with contextlib.suppress(ImportError):
            importlib.import_module(package)


def watch(limit: float) -> None:
    """Say where a crash or a hang was, on standard error, and end this process at its limit in seconds."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(limit, exit=True)


def call(request: dict[str, Any]) -> str:
    """Call the target and put its result, or what it raised, into JSON."""
    try:
        sys.path[:] = request["path"]
        os.chdir(request["cwd"])
        module, _, function = request["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(**request["arguments"])
        return json.dumps({"result": result})
    except BadInputError as error:
        return json.dumps({"bad_input": shown(str(error))})
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent reports it
        import traceback  # noqa: PLC0415 - rarely needed

        return json.dumps(
            {"reason": f"raised {told(error)}", "last_words": last_words(traceback.format_exc())}
        )


def told(error: BaseException) -> str:
    r"""Return the type of an exception and the first line of what it says.

    Examples
    --------
    >>> told(SystemExit("why\nand how")), told(KeyboardInterrupt())
    ('SystemExit: why', 'KeyboardInterrupt')
    """
    try:
        first = str(error).strip().partition("\n")[0].rstrip(".")
    except Exception:  # noqa: BLE001 - it may be anything
        first = ""
    return shown(f"{type(error).__name__}: {first}" if first else type(error).__name__)


def last_words(said: str) -> str:
    """Keep the last lines, as they may be shown."""
    return "\n".join(shown(line, indent=True) for line in said.splitlines()[-_LAST_WORDS:])


def shown(line: str, *, indent: bool = False) -> str:
    """Return what may be shown of a line that a measurement has said, however long."""
    return printable(line[: 10 * _LONGEST], limit=_LONGEST, indent=indent)


def describe_unanswered(code: int) -> str:
    """Return how a process ended that did not answer, from its exit status, negative after a signal."""
    return describe_exit(code) + (" and without an answer" if code >= 0 else "")
