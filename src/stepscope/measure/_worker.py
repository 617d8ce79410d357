"""Call a function inside of the measured process, and answer in JSON."""

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
from stepscope.measure._outcome import find_out_of_memory

__all__ = [
    "call_target",
    "describe_unanswered",
    "format_line",
    "format_tail",
    "import_packages",
    "limit_time",
    "main",
]

_TAIL = 12  # lines
_LONGEST = 300  # characters of a line that are shown


def main() -> None:
    """Answer the one request on standard input, and end this process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a measurement prints must not look like an answer
    request = json.loads(sys.stdin.read())
    if request["preload"]:
        import_packages()
    limit_time(request["limit"])
    answers.write(call_target(request))
    answers.flush()
    with contextlib.suppress(Exception):  # the target may have put anything in its place
        sys.stdout.flush()
    os._exit(0)  # as a fork would: nothing that the measurement registered may run, or hang, now


def import_packages() -> None:
    """Import what takes seconds, before anything is measured."""
    for package in ("torch", "gymnasium"):
        with contextlib.suppress(ImportError):
            importlib.import_module(package)


def limit_time(seconds: float) -> None:
    """Print the traceback of a crash or a hang to standard error, and end this process at its limit."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(seconds, exit=True)


def call_target(request: dict[str, Any]) -> str:
    """Call the target of a request.

    Returns
    -------
    str
        In JSON, ``result`` and ``torch``, see `_torch_memory`; or ``bad_input``, the sentence of a `BadInputError`, and
        ``out_of_memory``, the error of an allocator if that is why; or ``reason`` and ``output_tail`` of another error.
    """
    try:
        sys.path[:] = request["path"]
        os.chdir(request["cwd"])
        module, _, function = request["target"].partition(":")
        result = getattr(importlib.import_module(module), function)(**request["arguments"])
        return json.dumps({"result": result, "torch": _torch_memory()})
    except BadInputError as error:
        return json.dumps(
            {"bad_input": format_line(str(error)), "out_of_memory": _find_allocator_error(error)}
        )
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent reports it
        import traceback  # noqa: PLC0415 - rarely needed

        return json.dumps(
            {
                "reason": f"raised {_describe_exception(error)}",
                "output_tail": format_tail(traceback.format_exc()),
            }
        )


def _torch_memory() -> dict[str, int] | None:
    """Return the peak of PyTorch's memory on the GPUs, in bytes; None where it has not touched one.

    ``allocated`` lay in tensors at the worst moment, ``reserved`` is what its allocator held of the device then and
    keeps: what the driver reports includes all of it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    devices = range(torch.cuda.device_count())
    return {
        "allocated": sum(torch.cuda.max_memory_allocated(device) for device in devices),
        "reserved": sum(torch.cuda.max_memory_reserved(device) for device in devices),
    }


def _find_allocator_error(error: BaseException) -> str | None:
    """Return the first line of an allocator's error, if an exception comes from one."""
    cause: BaseException | None = error
    while cause is not None:
        text = f"{type(cause).__name__}: {cause}"
        if isinstance(cause, MemoryError) or find_out_of_memory(text):
            return text.partition("\n")[0]
        cause = cause.__cause__ or cause.__context__
    return None


def _describe_exception(error: BaseException) -> str:
    r"""Return the type of an exception and the first line of its message.

    Examples
    --------
    >>> _describe_exception(SystemExit("why\nand how")), _describe_exception(KeyboardInterrupt())
    ('SystemExit: why', 'KeyboardInterrupt')
    """
    try:
        first = str(error).strip().partition("\n")[0].rstrip(".")
    except Exception:  # noqa: BLE001 - it may be anything
        first = ""
    return format_line(f"{type(error).__name__}: {first}" if first else type(error).__name__)


def format_tail(output: str) -> str:
    """Return the last lines of what a process printed, each as `format_line` does."""
    return "\n".join(format_line(line, indent=True) for line in output.splitlines()[-_TAIL:])


def format_line(line: str, *, indent: bool = False) -> str:
    """Return a line of a measured process, cut and without what does something to a terminal."""
    return printable(line[: 10 * _LONGEST], limit=_LONGEST, indent=indent)


def describe_unanswered(code: int) -> str:
    """Return how a process ended that did not answer, from its exit status, negative after a signal."""
    return describe_exit(code) + (" and without an answer" if code >= 0 else "")
