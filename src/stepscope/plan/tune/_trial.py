"""One trial: a training run in its own process, whose output is read as it is printed."""

from __future__ import annotations

import math
import os
import select
import shlex
import time
from bisect import bisect_left
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from stepscope._common import printable
from stepscope._common.exit_status import describe_exit
from stepscope._common.format import format_bytes
from stepscope.errors import BadInputError
from stepscope.explain import Explainer, explanation_line
from stepscope.logs import BY_KEY, stream
from stepscope.measure import SupervisedProcess, find_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from stepscope.logs import Record

__all__ = ["NO_ITERATION", "Outcome", "Point", "Status", "run_trial"]

Status = Literal["reached", "ended", "time over", "stopped", "diverged", "out of memory", "failed"]

Point = tuple[float, float]
"""Seconds of training so far, and the reward that was printed then."""

NO_ITERATION = "printed no iteration within"
_TICK = 0.2  # seconds between two looks at the clock
_CHUNK = 1 << 16
_INTERVAL = 0.25  # seconds between two samples of the memory, which must not slow the training down
_MOST_POINTS = 400  # of a curve that are kept
_KEPT = 4096  # bytes of the output that are kept


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial.

    Attributes
    ----------
    status
        ``reached`` the threshold; ``ended`` by itself before; ``time over``, its whole budget; ``stopped`` because others
        were better; ``diverged``, ``out of memory``, ``failed``.
    reason
        Why it was stopped or failed, in one line.
    library
        The library that trained; None if it printed nothing readable.
    start_seconds
        From the start of the process to that of the first iteration, in s.
    seconds
        From the start of the first iteration to the end, in s.
    curve
        Seconds since the start of the first iteration and the reward printed then; of a long one, every n-th point.
    best_reward
        Largest reward printed; None if none was.
    mean_reward
        Area under the reward over the budget, divided by the budget: each reward counts until the next one, the first one
        from the start and the last one to the end; after a failure the lowest one counts. None if there was none.
    env_steps
        Environment steps in all, as printed.
    host_bytes, device_bytes
        Peak memory of all its processes; of the GPU None without one.
    output_tail
        The end of what it printed.
    """

    status: Status
    reason: str = ""
    library: str | None = None
    start_seconds: float = 0.0
    seconds: float = 0.0
    curve: tuple[Point, ...] = ()
    best_reward: float | None = None
    mean_reward: float | None = None
    env_steps: int | None = None
    host_bytes: int = 0
    device_bytes: int | None = None
    output_tail: str = ""

    @property
    def ok(self) -> bool:
        """Whether it trained until it ended, was ended by its budget, or reached the threshold."""
        return self.status in ("reached", "ended", "time over")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**asdict(self), "curve": [list(point) for point in self.curve]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Outcome:
        """Return what `to_dict` was made of."""
        return cls(**{**fields, "curve": tuple((seconds, reward) for seconds, reward in fields["curve"])})


def run_trial(
    command: Sequence[str],
    *,
    until: float | None,
    budget_seconds: float,
    stop_seconds: float = math.inf,
    first_seconds: float = 600.0,
    limit_bytes: int | None = None,
    on_tick: Callable[[Point | None], bool] = lambda _: False,
) -> Outcome:
    """Train until a run has reached a reward or its time is over, and return what came of it.

    Nothing of it outlives this process. Its clock starts with the first iteration, so that what a program takes to start
    counts for nothing.

    Parameters
    ----------
    command
        The program and its arguments.
    until
        Reward at which it is ended; None is none.
    budget_seconds
        Time that it may train.
    stop_seconds
        Time after which it is stopped as slower than others.
    first_seconds
        Time that it has until it prints the first iteration.
    limit_bytes
        Host memory that all its processes together may take; None is 95 % of what is available.
    on_tick
        Called several times a second with the latest point of the curve, None before there is one; it returns whether to
        stop.

    Raises
    ------
    BadInputError
        There is no such program, or this is not Linux.
    """
    reading, writing = os.pipe()
    try:
        process = SupervisedProcess(
            command,
            environment={"PYTHONUNBUFFERED": "1", **os.environ},
            limit_bytes=limit_bytes,
            interval=_INTERVAL,
            files=(None, writing),
            merged=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    watcher = _Watcher(
        reading,
        until=until,
        budget_seconds=budget_seconds,
        stop_seconds=stop_seconds,
        first_seconds=first_seconds,
        on_tick=on_tick,
    )
    try:
        for record in stream(watcher.chunks()):
            watcher.add(record)
        if watcher.status is not None:
            process.stop()
        report = process.report()
    finally:
        os.close(reading)
        process.end()
    if "not_found" in report:
        name = printable(shlex.quote(command[0]), limit=200)
        raise BadInputError(f"{name} cannot be started: {report['not_found']}; check its name.")
    return watcher.outcome(report)


class _Watcher:
    """Reads the output of a training run, stamps its records, and decides when it must end."""

    def __init__(
        self,
        file: int,
        *,
        until: float | None,
        budget_seconds: float,
        stop_seconds: float,
        first_seconds: float,
        on_tick: Callable[[Point | None], bool],
    ) -> None:
        self.status: Status | None = None
        self._reason = ""
        self._file = file
        self._until, self._budget, self._stop = until, budget_seconds, stop_seconds
        self._first = first_seconds
        self._on_tick = on_tick
        self._explainer = Explainer()
        self._library: str | None = None
        self._began = self._now = time.monotonic()
        self._started: float | None = None  # the first iteration
        self._printed_first: float | None = None  # when the first iteration was printed
        self._ends: list[int] = []  # of the chunks, in bytes
        self._times: list[float] = []  # when they came
        self._curve: list[Point] = []
        self._ended: float | None = None
        self._env_steps: int | None = None
        self._tail = b""

    def chunks(self) -> Iterator[bytes]:
        """Yield the output as it comes, and an empty chunk where nothing comes, until the training ends or must end."""
        size = 0
        quiet = True
        while True:
            ready, _, _ = select.select([self._file], [], [], _TICK)
            data = os.read(self._file, _CHUNK) if ready else b""
            self._now = time.monotonic()
            if data:
                size += len(data)
                self._ends.append(size)
                self._times.append(self._now)
                self._tail = (self._tail + data)[-_KEPT:]
                quiet = False
                yield data
            elif ready:
                return
            elif not quiet and self._tail.endswith((b"\n", b"\r")):
                quiet = True  # what stands there is whole
                yield b""
            if self._must_end():
                return

    def add(self, record: Record) -> None:
        """Take a record."""
        self._explainer.add(record)
        if self.status is not None and self.status != "reached":
            return
        if record.library is not None and BY_KEY[record.library].trains:
            self._library = record.library
        at = self._times[min(bisect_left(self._ends, record.span[1]), len(self._times) - 1)]
        if record.kind in ("iteration", "progress"):
            self._note_iteration(record, at)
        if record.env_steps is not None:
            self._env_steps = record.env_steps
        if record.kind in ("iteration", "best_reward", "checkpoint") and record.reward is not None:
            self._note_reward(record.reward, at)
        if record.kind == "iteration" and (label := _non_finite_loss(record)) and self.status is None:
            self.status, self._reason = "diverged", self._diverged(f"{label.strip()} is not finite")

    def _note_iteration(self, record: Record, at: float) -> None:
        """Find out when the first iteration began."""
        if self._started is None:
            self._printed_first = at
            took = record.seconds.iteration
            if took is None and record.seconds.collect is not None:
                took = record.seconds.collect + (record.seconds.learn or 0.0)
            self._started = max(self._began, at - (took or 0.0))
        elif self._printed_first == self._started and at > self._started:
            # It does not say how long it took: as long as the second one.
            self._started = max(self._began, self._started - (at - self._started))
            self._curve = [
                (seconds + self._printed_first - self._started, reward) for seconds, reward in self._curve
            ]

    def _note_reward(self, reward: float, at: float) -> None:
        if reward == -math.inf or self.status is not None:
            return  # RL-Games prints it where no episode has ended
        if not math.isfinite(reward):
            self.status, self._reason = "diverged", self._diverged(f"the reward is {reward}")
            return
        started = self._began if self._started is None else self._started
        self._curve.append((max(0.0, at - started), reward))
        if self._until is not None and reward >= self._until:
            self.status, self._ended = "reached", at

    def _must_end(self) -> bool:
        if self.status is not None:
            return True
        stop = self._on_tick(self._curve[-1] if self._curve else None)
        if self._started is None:
            if self._now - self._began > self._first:
                self.status, self._reason = "failed", f"{NO_ITERATION} {self._first:g} s"
        elif self._now - self._started >= self._budget:
            self.status, self._ended = "time over", self._started + self._budget
        elif stop or self._now - self._started >= self._stop:
            self.status, self._reason = (
                "stopped",
                "others were better by then" if stop else "others were faster",
            )
        return self.status is not None

    def outcome(self, report: Mapping[str, Any]) -> Outcome:
        """Return what came of the training, given what its supervisor reports."""
        ended = self._ended if self._ended is not None else self._now
        started = ended if self._started is None else self._started
        status, reason = self._classify(report)
        ok = status in ("reached", "ended", "time over")
        rewards = [reward for _, reward in self._curve]
        return Outcome(
            status=status,
            reason=reason,
            library=self._library,
            start_seconds=started - self._began,
            seconds=ended - started,
            curve=tuple(self._curve[:: -(-len(self._curve) // _MOST_POINTS) or 1]),
            best_reward=max(rewards, default=None),
            mean_reward=_mean_reward(self._curve, self._budget, failed_at=None if ok else ended - started),
            env_steps=self._env_steps,
            host_bytes=report.get("peak_bytes", 0),
            device_bytes=report.get("device_bytes"),
            output_tail=self._tail.decode("utf-8", "replace"),
        )

    def _classify(self, report: Mapping[str, Any]) -> tuple[Status, str]:
        if self.status is not None:
            return self.status, self._reason
        if "lost" in report:
            return "failed", "lost the process that watches it"
        tail = self._tail.decode("utf-8", "replace")
        if report["ended_by"] == "memory" or report["peak_bytes"] > report["limit_bytes"]:
            return "out of memory", f"took more than {format_bytes(report['limit_bytes'])}"
        if report["code"] == 0:
            return "ended", ""
        explanation = next(reversed(self._explainer.explanations()), None)
        kind = explanation.first_cause.symptom.kind if explanation and explanation.first_cause else None
        reason = self._describe(describe_exit(report["code"]))
        if kind == "memory" or find_out_of_memory(tail) or report["killed_by_kernel"]:
            return "out of memory", reason
        return "diverged" if kind == "nan" else "failed", reason

    def _diverged(self, reason: str) -> str:
        """Return the first cause from the catalogue, or else what the reader saw."""
        explanation = next(reversed(self._explainer.explanations()), None)
        line = None if explanation is None else explanation_line(explanation)
        return printable(f"{reason}: {line.text}" if line else reason, limit=300)

    def _describe(self, reason: str) -> str:
        """Return the first cause from the catalogue, or else the failure in the log, or else the reason given."""
        explanation = next(reversed(self._explainer.explanations()), None)
        if explanation is None:
            return reason
        line = explanation_line(explanation)
        if line is not None:
            return printable(line.text, limit=300)
        if explanation.run.failure is not None:
            return printable(f"{reason}: {explanation.run.failure.text}", limit=300)
        last = next((line for line in reversed(self._tail.splitlines()) if line.strip()), b"")
        return printable(f"{reason}: {last.decode('utf-8', 'replace')}", limit=300) if last else reason


def _non_finite_loss(record: Record) -> str | None:
    """Return the label of a loss that is not finite."""
    return next(
        (
            label
            for label, value in record.metrics.items()
            if "loss" in label.lower() and not math.isfinite(value)
        ),
        None,
    )


def _mean_reward(curve: Sequence[Point], budget: float, *, failed_at: float | None) -> float | None:
    """Return the area under a curve of steps from 0 to the budget, divided by the budget.

    >>> _mean_reward([(1.0, 2.0), (3.0, 10.0)], 4.0, failed_at=None)
    4.0
    """
    if not curve:
        return None
    points = [(0.0, curve[0][1]), *curve]
    if failed_at is not None:
        points.append((failed_at, min(reward for _, reward in curve)))
    area = 0.0
    for (start, reward), (end, _) in zip(points, [*points[1:], (budget, 0.0)], strict=True):
        area += reward * max(0.0, min(end, budget) - min(start, budget))
    return area / budget
