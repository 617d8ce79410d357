"""A short all-reduce of several processes, which shows whether they agree."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepscope._common.exit_status import describe_exit
from stepscope._common.format import format_list
from stepscope.doctor._probe import last_error

__all__ = ["RankCheck", "check_ranks", "judge"]

NUMBERS = 1 << 16  # in the tensor; small enough that every sum is exact in float32
_TICK = 0.05  # seconds between two looks at the processes
_GRACE = 2.0  # seconds for the others to end once one has failed: what they say may be the cause


@dataclass(frozen=True, kw_only=True)
class RankCheck:
    """Result of an all-reduce.

    Attributes
    ----------
    ranks
        Number of processes.
    backend
        ``"gloo"`` or ``"nccl"``.
    seconds
        Time of one all-reduce, on the slowest rank; None where it failed.
    problem
        What went wrong, in one sentence; None where all ranks agree.
    """

    ranks: int
    backend: str
    seconds: float | None
    problem: str | None


def check_ranks(ranks: int, *, backend: str, limit: float) -> RankCheck:
    """Sum a tensor over several processes of this machine.

    Parameters
    ----------
    ranks
        Number of processes.
    backend
        ``"gloo"``, or ``"nccl"`` with one CUDA device for each.
    limit
        Time that all of it may take, in seconds; the processes are killed after it.

    Returns
    -------
    RankCheck
        Whether every rank has the right sum.
    """
    with tempfile.TemporaryDirectory(prefix="stepscope-") as folder:
        outputs = [Path(folder) / f"rank-{rank}" for rank in range(ranks)]
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank, output in enumerate(outputs):
                with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
                    arguments = (rank, ranks, backend, f"{limit:.0f}", Path(folder) / "rendezvous")
                    processes.append(
                        subprocess.Popen(
                            [sys.executable, "-m", "stepscope.doctor._rank", *map(str, arguments)],
                            stdin=subprocess.DEVNULL,
                            stdout=out,
                            stderr=err,
                        )
                    )
            problem = _wait(processes, outputs, limit)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        if problem:
            return RankCheck(ranks=ranks, backend=backend, seconds=None, problem=problem)
        answers = [json.loads(output.read_bytes().splitlines()[-1]) for output in outputs]
    problem = judge(answers)
    seconds = None if problem else max(answer["seconds"] for answer in answers)
    return RankCheck(ranks=ranks, backend=backend, seconds=seconds, problem=problem)


def _wait(processes: list[subprocess.Popen[bytes]], outputs: list[Path], limit: float) -> str | None:
    """Wait until all have ended; return what went wrong in the first that failed, or that time ran out."""
    end = time.monotonic() + limit
    while True:
        codes = [process.poll() for process in processes]
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed:
            rank = failed[0]
            error = last_error(outputs[rank].with_suffix(".err").read_bytes())
            return f"Rank {rank} {describe_exit(codes[rank] or 0)}" + (f": {error}" if error else ".")
        if all(code == 0 for code in codes):
            return None
        if time.monotonic() > end:
            late = [str(rank) for rank, code in enumerate(codes) if code is None]
            noun = "Rank" if len(late) == 1 else "Ranks"
            return f"{noun} {format_list(late)} did not finish within {limit:g} s."
        time.sleep(_TICK)


def judge(answers: list[dict[str, Any]]) -> str | None:
    """Return what is wrong with the sums of the ranks, or None where all are right.

    >>> judge([{"rank": 0, "sum": 3.0, "right": True}, {"rank": 1, "sum": 2.0, "right": False}])
    'The ranks disagree: rank 1 has a wrong sum.'
    """
    wrong = [str(answer["rank"]) for answer in answers if not answer["right"]]
    if not wrong:
        return None
    noun, verb = ("rank", "has") if len(wrong) == 1 else ("ranks", "have")
    agree = len({answer["sum"] for answer in answers}) == 1
    start = "The ranks agree on a wrong sum" if agree else "The ranks disagree"
    return f"{start}: {noun} {format_list(wrong)} {verb} a wrong sum."
