"""Status of a measurement, from the end of its process."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

from stepscope._common.exit_status import describe_exit
from stepscope._common.format import format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["classify_outcome", "find_out_of_memory"]

# Each is what a library prints; words that only look like it are left out: "VkCreateFence failed with
# ERROR_OUT_OF_HOST_MEMORY" is printed with plenty of memory free, and "malloc(): invalid size" is a broken heap.
_OUT_OF_MEMORY = (
    r"\b[Oo]ut of memory\b",  # PyTorch, CUDA, Warp, JAX, Isaac Gym, LLVM
    r"OutOfMemoryError",
    r"\b_?(?:Array)?MemoryError\b",  # Python and NumPy
    r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)",  # PyTorch on Linux, on Windows
    r"\[Errno 12\]|[Cc]annot allocate memory",  # the system's ENOMEM
    r"std::bad_alloc",  # C++
    r"Array allocation failed on device: \S+ for \d+ bytes",  # Warp, before 1.0
    r"Failed to allocate \d+ bytes",  # Warp
    r"Pxg\w*Allocator fail to allocate memory \d+ bytes",  # PhysX
    r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY",
    r"CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
    r"ERROR_OUT_OF_DEVICE_MEMORY",  # Vulkan
    r"RESOURCE_EXHAUSTED",  # JAX
    r"\b[Cc]ould not allocate (?:memory|mj(?:Data|Model))",  # MuJoCo
)
_ANY = re.compile("|".join(_OUT_OF_MEMORY))
_CRASHES = {  # Windows has no SIGBUS
    getattr(signal, name, None) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE")
}


def classify_outcome(
    report: Mapping[str, Any], *, answer: Mapping[str, Any] | None, limit_seconds: float
) -> tuple[str, str]:
    """Return the status of a measurement and, in one line, its reason.

    What took more than its limit is out of memory even if it ended well: between two samples it had time to.

    Parameters
    ----------
    report
        Of the process that supervised it.
    answer
        What `call_target` returned, empty if it did not come so far; None for a command.
    limit_seconds
        Time after which it was ended.
    """
    if "lost" in report:
        return "failed", "lost the process that watches it, and was ended"
    if report["ended_by"] == "memory" or report["peak_bytes"] > report["limit_bytes"]:
        return "out of memory", f"took more than its limit of {format_bytes(report['limit_bytes'])}"
    if answer and "result" in answer:
        return "ok", ""
    if answer and "bad_input" in answer:
        return ("out of memory" if answer["out_of_memory"] else "failed"), answer["bad_input"]
    return _classify_exit(
        report, answer=answer or {}, limit_seconds=limit_seconds, function=answer is not None
    )


def _classify_exit(
    report: Mapping[str, Any], *, answer: Mapping[str, Any], limit_seconds: float, function: bool
) -> tuple[str, str]:
    code, reason = report["code"], answer.get("reason")
    late = report["ended_by"] == "time" or (function and code == 1 and "Timeout (" in report["output"])
    if not function and not late and code == 0:
        return "ok", ""
    allocator = (
        find_out_of_memory(f"{reason or ''}\n{answer.get('output_tail', '')}") or report["out_of_memory"]
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


def find_out_of_memory(text: str) -> str | None:
    r"""Return the first line that shows that there is no memory left; None if none does.

    Examples
    --------
    >>> find_out_of_memory("step 3\nRuntimeError: Array allocation failed on device: cpu for 4096 bytes")
    'RuntimeError: Array allocation failed on device: cpu for 4096 bytes'
    >>> find_out_of_memory("malloc(): invalid size (unsorted)") is None
    True
    """
    match = _ANY.search(text)
    if match is None:
        return None
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    return text[start : end if end >= 0 else len(text)].strip()
