"""Peak memory of a process that may die of it."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepscope.errors import BadInputError
from stepscope.measure._outcome import classify_outcome
from stepscope.measure._subprocess import WORKER, encode_request, environment
from stepscope.measure._supervised import SupervisedProcess
from stepscope.measure._worker import format_line, format_tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RETURNS_MEMORY", "Footprint", "Outcome", "footprint_of", "footprint_of_command"]

RETURNS_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""Environment variable with which glibc gives a freed tensor back to the system at once.

Otherwise it raises this threshold as it sees larger tensors, up to 32 MiB, and keeps smaller ones in a heap with holes:
the resident set is then no straight line in the number of environments, and up to a third larger.
"""


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Peak memory of a process and all that it started.

    Attributes
    ----------
    host_bytes
        Resident set. Of a single process it is the kernel's own record; of several it is the largest sum seen, in
        which a page that several of them share counts once. Files in memory are included, whether a process has them
        in its own memory or not: memfd, tmpfs, and the segments of System V.
    device_bytes
        Memory of the GPUs as the driver reports it, with the CUDA context and everything besides PyTorch; None
        where there is no GPU.
    torch_allocated_bytes
        Largest sum of PyTorch's tensors on the GPUs; None for a command and without CUDA.
    torch_reserved_bytes
        What PyTorch's allocator held of the GPUs beyond that; None likewise.
    other_bytes
        The rest of `device_bytes`: simulator, context, renderer; None likewise.
    device_from
        ``"process"`` if the driver reports the memory of these processes, ``"growth"`` if only that of the whole GPU,
        from which what was taken before is subtracted; None without a GPU.
    """

    host_bytes: int
    device_bytes: int | None
    torch_allocated_bytes: int | None
    torch_reserved_bytes: int | None
    other_bytes: int | None
    device_from: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """End of a measured process, whatever it died of.

    Attributes
    ----------
    status
        ``"ok"``; ``"out of memory"``, in whichever words, or beyond its limit; ``"too slow"``, beyond its time;
        ``"crashed"``, by a signal such as SIGSEGV; ``"killed"``, by somebody else; ``"failed"``, with an exception
        or an exit status.
    reason
        One line in words; empty if all went well.
    output_tail
        The last lines that the process printed, or the end of its traceback.
    result
        What the function returned; None for a command, and unless all went well.
    footprint
        What it took, up to its end however it ended; None if it never began.
    seconds
        Wall time of the process, imports included.
    printed
        The end of what the process printed, up to 64 KiB, standard output and standard error together.
    threads
        ``OMP_NUM_THREADS`` in the process; None where it is not set, and each library chooses.
    """

    status: str
    reason: str
    output_tail: str
    result: Any
    footprint: Footprint | None
    seconds: float
    printed: str = ""
    threads: str | None = None

    @property
    def ok(self) -> bool:
        """Whether all went well."""
        return self.status == "ok"


def footprint_of(
    target: str,
    *,
    limit_seconds: float = 120.0,
    limit_bytes: int | None = None,
    limit_asked_bytes: int | None = None,
    **arguments: Any,  # noqa: ANN401 - whatever JSON can say
) -> Outcome:
    """Call a function in a fresh process and return what it took of memory, however the process ended.

    The process is a new one, not a fork: nothing is imported that the function does not import, since imports take
    memory as well. It uses one thread.

    Parameters
    ----------
    target
        ``"module:function"``, importable with this process's ``sys.path``.
    limit_seconds
        Time after which the process is killed, in seconds, imports included.
    limit_bytes
        Memory of all its processes together, and of the files in memory that they make, beyond which they are killed;
        None is 95 % of what is available now.
    limit_asked_bytes
        Private memory that each process may ask for, used or not (``RLIMIT_DATA``): beyond it allocators are refused
        and fail in their own words, as on a GPU. None is no such limit.
    **arguments
        Passed on; they and the result must be what JSON can hold.

    Returns
    -------
    Outcome
        Never an exception, whatever the process died of.

    Raises
    ------
    BadInputError
        The arguments do not fit in JSON, the target is not of the form ``module:function``, or this is not Linux.

    Notes
    -----
    The address space (``RLIMIT_AS``) is no measure of memory: PyTorch maps several times what it uses. What counts
    here is the resident set, sampled every 5 ms by a process between this one and the measured one, with the
    kernel's own record of the peak as the last word. Control groups would do the same, but few users may make them.

    The process runs with ``MALLOC_MMAP_THRESHOLD_=131072`` unless that is set: a freed tensor goes back to the system
    at once. glibc's own choice keeps some in a heap with holes, and memory is then no straight line in the number of
    environments.

    Examples
    --------
    >>> outcome = footprint_of("platform:python_implementation")
    >>> outcome.status, outcome.result, 5e6 < outcome.footprint.host_bytes < 5e8
    ('ok', 'CPython', True)
    """
    if not all(target.partition(":")):
        raise BadInputError(f"{target} is not a valid target; write module:function.")
    request = encode_request(target, arguments, limit=limit_seconds, preload=False)
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        stdin.write(request)
        stdin.seek(0)
        report = _supervise(
            WORKER,
            environment={**RETURNS_MEMORY, **environment()},
            limit_seconds=limit_seconds + 1.0,  # it ends itself before, saying where it hangs
            limit_bytes=limit_bytes,
            limit_asked_bytes=limit_asked_bytes,
            files=(stdin.fileno(), stdout.fileno()),
        )
        stdout.seek(0)
        return _outcome(report, answer=_parse_answer(stdout.read()), limit_seconds=limit_seconds)


def footprint_of_command(
    command: Sequence[str],
    *,
    limit_seconds: float = 600.0,
    limit_bytes: int | None = None,
    limit_asked_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command and return what it and all that it starts took of memory, however it ended.

    Parameters
    ----------
    command
        The program and its arguments.
    limit_seconds, limit_bytes, limit_asked_bytes
        As in `footprint_of`.
    environment
        Its environment variables; None is this process's, as they are.

    Returns
    -------
    Outcome
        Never an exception, whatever the command died of.

    Raises
    ------
    BadInputError
        There is no such program, or this is not Linux.

    Examples
    --------
    >>> footprint_of_command(["sh", "-c", "echo no space; exit 3"]).reason
    'ended with exit status 3'
    """
    variables = dict(os.environ if environment is None else environment)
    variables.setdefault("PYTHONFAULTHANDLER", "1")  # a Python shows where it crashed or hung
    variables.setdefault("PYTHONUNBUFFERED", "1")  # and the end of its output is not lost with it
    report = _supervise(
        command,
        environment=variables,
        limit_seconds=limit_seconds,
        limit_bytes=limit_bytes,
        limit_asked_bytes=limit_asked_bytes,
    )
    return _outcome(report, answer=None, limit_seconds=limit_seconds)


def _supervise(command: Sequence[str], *, environment: Mapping[str, str], **options: Any) -> dict[str, Any]:  # noqa: ANN401 - those of `SupervisedProcess`
    """Run a command under supervision and return the report."""
    report = SupervisedProcess(command, environment=environment, **options).report()
    if "not_found" in report:
        raise BadInputError(
            f"{format_line(command[0])} cannot be started: {report['not_found']}; check its name."
        )
    return {**report, "threads": environment.get("OMP_NUM_THREADS")}


def _outcome(report: Mapping[str, Any], *, answer: Mapping[str, Any] | None, limit_seconds: float) -> Outcome:
    status, reason = classify_outcome(report, answer=answer, limit_seconds=limit_seconds)
    answer, output = answer or {}, report.get("output", "")
    return Outcome(
        status=status,
        reason=format_line(reason),
        output_tail=answer.get("output_tail") or format_tail(output),
        result=answer.get("result") if status == "ok" else None,
        footprint=None if "lost" in report else split(report, torch=answer.get("torch")),
        seconds=report.get("seconds", 0.0),
        printed=output,
        threads=report["threads"],
    )


def _parse_answer(text: bytes) -> dict[str, Any]:
    """Return the answer of the measured process; empty if it did not come so far."""
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def split(report: Mapping[str, Any], *, torch: Mapping[str, int] | None) -> Footprint:
    """Split what the driver reports into PyTorch's share and the rest; the parts add up to the whole.

    PyTorch's figures are exact, and the driver's is the largest of several samples: where the last came too early to
    see all that PyTorch held, the whole is what PyTorch held.
    """
    device = report["device_bytes"]
    if device is None or torch is None:
        return Footprint(
            host_bytes=report["peak_bytes"],
            device_bytes=device,
            torch_allocated_bytes=None,
            torch_reserved_bytes=None,
            other_bytes=None,
            device_from=report["device_from"],
        )
    device = max(device, torch["reserved"])
    return Footprint(
        host_bytes=report["peak_bytes"],
        device_bytes=device,
        torch_allocated_bytes=torch["allocated"],
        torch_reserved_bytes=torch["reserved"] - torch["allocated"],
        other_bytes=device - torch["reserved"],
        device_from=report["device_from"],
    )
