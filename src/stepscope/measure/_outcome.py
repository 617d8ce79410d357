"""Ways in which a measurement ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from stepscope._common.exit_status import describe_exit
from stepscope._common.format import format_bytes
from stepscope.measure._out_of_memory import find_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["classify_outcome"]

_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


def classify_outcome(
    report: Mapping[str, Any], *, answered: Mapping[str, Any], limit_seconds: float, function: bool
) -> tuple[str, str]:
    """Return the status of a measurement and, in one line, its reason.

    What took more than its limit is out of memory even if it ended well: between two looks it had time to.
    """
    if "lost" in report:
        return "failed", "lost the process that watches it, and was ended"
    if report["ended_by"] == "memory" or report["peak_bytes"] > report["limit_bytes"]:
        return "out of memory", f"took more than its limit of {format_bytes(report['limit_bytes'])}"
    share = answered.get("result") or {}
    if function and "result" in share:
        return "ok", ""
    if "refused" in share:
        because = share["out_of_memory"]
        return ("out of memory" if because else "failed"), share["refused"]
    return _classify_death(report, answered=answered, limit_seconds=limit_seconds, function=function)


def _classify_death(
    report: Mapping[str, Any], *, answered: Mapping[str, Any], limit_seconds: float, function: bool
) -> tuple[str, str]:
    code, reason = report["code"], answered.get("reason")
    late = report["ended_by"] == "time" or (function and code == 1 and "Timeout (" in report["output"])
    if not function and not late and code == 0:
        return "ok", ""
    allocator = (
        find_out_of_memory(f"{reason or ''}\n{answered.get('output_tail', '')}") or report["out_of_memory"]
    )
    if allocator:  # also of one that hangs: a renderer may print it and never end
        return "out of memory", reason or allocator
    if code == -signal.SIGKILL and report["killed_by_kernel"]:
        return "out of memory", "was killed by the kernel for want of memory"
    if late:
        return "too slow", f"took longer than {limit_seconds:g} s"
    if code < 0:
        return ("crashed" if -code in _CRASHES else "killed"), describe_exit(code)
    return "failed", reason or describe_exit(code)
