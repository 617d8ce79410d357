"""Call a function inside of a fresh process."""

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

__all__ = [
    "call_target",
    "describe_exception",
    "describe_unanswered",
    "format_line",
    "format_tail",
    "import_packages",
    "limit_time",
]

_TAIL = 12  # lines
_LONGEST = 300  # characters of a line that are shown


def import_packages() -> None:
    """Import what takes seconds, before anything is measured."""
    for package in ("torch", "gymnasium"):
        with contextlib.suppress(ImportError):
            importlib.import_module(package)


def limit_time(limit: float) -> None:
    """Say where a crash or a hang was, on standard error, and end this process at its limit in seconds."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(limit, exit=True)


def call_target(request: dict[str, Any]) -> str:
    """Call the target and put its result, or what it raised, into JSON."""
    try:
        sys.path[:] = request["path"]
        os.chdir(request["cwd"])
        module, _, function = request["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(**request["arguments"])
        return json.dumps({"result": result})
    except BadInputError as error:
        return json.dumps({"bad_input": format_line(str(error))})
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent reports it
        import traceback  # noqa: PLC0415 - rarely needed

        return json.dumps(
            {
                "reason": f"raised {describe_exception(error)}",
                "output_tail": format_tail(traceback.format_exc()),
            }
        )


def describe_exception(error: BaseException) -> str:
    r"""Return the type of an exception and the first line of what it says.

    Examples
    --------
    >>> describe_exception(SystemExit("why\nand how")), describe_exception(KeyboardInterrupt())
    ('SystemExit: why', 'KeyboardInterrupt')
    """
    try:
        first = str(error).strip().partition("\n")[0].rstrip(".")
    except Exception:  # noqa: BLE001 - it may be anything
        first = ""
    return format_line(f"{type(error).__name__}: {first}" if first else type(error).__name__)


def format_tail(output: str) -> str:
    """Keep the last lines, as they may be shown."""
    return "\n".join(format_line(line, indent=True) for line in output.splitlines()[-_TAIL:])


def format_line(line: str, *, indent: bool = False) -> str:
    """Return what may be shown of a line that a measurement has said, however long."""
    return printable(line[: 10 * _LONGEST], limit=_LONGEST, indent=indent)


def describe_unanswered(code: int) -> str:
    """Return how a process ended that did not answer, from its exit status, negative after a signal."""
    return describe_exit(code) + (" and without an answer" if code >= 0 else "")
