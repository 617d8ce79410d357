"""Report on a bottleneck: a table of sizes, a few lines of text, JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepscope._common.format import DASH, format_count, format_two_digits
from stepscope._common.report import ReportLine
from stepscope.plan._changes import link_to_changes
from stepscope.plan.bottleneck._advice import describe_reads
from stepscope.plan.bottleneck._parts import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope._common.report import Severity
    from stepscope.measure import Timing
    from stepscope.plan._target import Target
    from stepscope.plan.bottleneck._measure import Measurement
    from stepscope.plan.bottleneck._verdict import Verdict

__all__ = ["format_rows", "report", "to_json"]


def format_rows(measurements: Sequence[Measurement]) -> list[tuple[str, ...]]:
    """Return the rows of the table, its header first; a size that failed has its reason in the last column."""
    head = ("environments", *(f"fps {scope}" for scope in SCOPES), "ms/vector step", "spread", "doubling", "")
    rows = [head]
    previous: Measurement | None = None
    for measurement in measurements:
        rows.append((*_cells(measurement, previous), measurement.problem))
        previous = measurement
    return rows


def _cells(measurement: Measurement, previous: Measurement | None) -> tuple[str, ...]:
    point = measurement.point
    if point is None:
        return (f"{measurement.num_envs:,}", *[DASH] * 6)
    timings = [point.timing(scope) for scope in SCOPES]
    last = next(timing for timing in reversed(timings) if timing is not None)
    return (
        f"{measurement.num_envs:,}",
        *(DASH if timing is None else f"{measurement.num_envs / timing.median:,.0f}" for timing in timings),
        f"{1e3 * last.median:,.3f}",
        f"{last.spread:.0%}",
        _doubling(measurement, previous, last),
    )


def _doubling(measurement: Measurement, previous: Measurement | None, last: Timing) -> str:
    """Return the increase of the rate where the previous size was half of this one."""
    if previous is None or previous.point is None or measurement.num_envs != 2 * previous.num_envs:
        return DASH
    scope = next(
        scope for scope in reversed(SCOPES) if measurement.point and measurement.point.timing(scope) is last
    )
    earlier = previous.point.timing(scope)
    return DASH if earlier is None else f"{2 * earlier.median / last.median - 1:+.0%}"


def report(verdict: Verdict, measurements: Sequence[Measurement]) -> Iterator[ReportLine]:
    """Yield the verdict and its basis."""
    severity: Severity = "warn" if verdict.bottleneck == "cannot tell" else ""
    yield ReportLine("verdict", f"{verdict.bottleneck}: {verdict.reason}", severity)
    yield ReportLine("what to do", verdict.advice)
    yield link_to_changes()
    for scope, model in verdict.models.items():
        yield ReportLine(
            f"T(N), {scope}",
            f"{format_two_digits(1e6 * model.fixed)} µs + {format_two_digits(1e9 * model.per_env)} ns x N;"
            f" N½ = {format_two_digits(model.half_rate_num_envs)}; peak {format_two_digits(model.peak_rate)} env steps/s",
        )
    if verdict.parts:
        shares = ", ".join(f"{part.share:.0%} {part.name}" for part in verdict.parts)
        yield ReportLine("an iteration", f"{shares}, at {verdict.num_envs:,} environments")
    yield from _describe_loop(measurements)
    yield from _describe_activity(verdict, measurements)
    yield from _describe_host_reads(verdict, measurements)


def _describe_loop(measurements: Sequence[Measurement]) -> Iterator[ReportLine]:
    split = next((measurement.split for measurement in measurements if measurement.split is not None), None)
    if split is None:
        return
    yield ReportLine(
        "measured",
        f"rollouts of {split.horizon} vector steps and their updates, on {split.device}, {format_count(split.threads, 'thread')}",
    )
    unsteady = [
        f"{measurement.num_envs:,}"
        for measurement in measurements
        if measurement.split and not measurement.split.steady
    ]
    if unsteady:
        yield ReportLine("", f"not steady before the measurement: {', '.join(unsteady)} environments", "warn")


def _describe_activity(verdict: Verdict, measurements: Sequence[Measurement]) -> Iterator[ReportLine]:
    """Yield how busy the GPU was, or how much of a vector step on the CPU is Python."""
    at = next(measurement for measurement in measurements if measurement.num_envs == verdict.num_envs)
    if at.gpu_busy is not None:
        yield ReportLine(
            "GPU", f"ran a kernel {at.gpu_busy:.0%} of the time, at {at.num_envs:,} environments (NVML)"
        )
    elif at.split is not None and at.split.outside_operations is not None:
        low, high = (f"{100 * share:.0f}" for share in at.split.outside_operations)
        between = low if low == high else f"{low} to {high}"
        yield ReportLine(
            "Python",
            f"{between} % of a vector step is outside PyTorch's operations and Warp's kernels,"
            f" at {at.num_envs:,} environments",
        )


def _describe_host_reads(verdict: Verdict, measurements: Sequence[Measurement]) -> Iterator[ReportLine]:
    """Yield where the host would wait for a GPU, unless the verdict is about it."""
    point = next(
        measurement.point for measurement in measurements if measurement.num_envs == verdict.num_envs
    )
    if verdict.bottleneck == "synchronisation-bound" or point is None or not point.host_syncs:
        return
    cost = "costs nothing here; the same line waits for a GPU"
    if point.sync_overhead is not None:
        cost = f"for which it waits, at a cost of {point.sync_overhead:.0%} of the rollout"
    yield ReportLine("host reads", f"from the device {describe_reads(point)}: {cost}", "warn")


def to_json(
    verdict: Verdict, measurements: Sequence[Measurement], *, target: Target, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return all of it as JSON, with times in seconds per vector step."""
    return {
        "schema": 1,
        "target": str(target),
        "sizes": [_size_json(measurement) for measurement in measurements],
        "verdict": {
            "bottleneck": verdict.bottleneck,
            "num_envs": verdict.num_envs,
            "scope": verdict.scope,
            "doubling": verdict.doubling,
            "reason": verdict.reason,
            "advice": verdict.advice,
            "parts": [asdict(part) for part in verdict.parts],
        },
        "models": {
            scope: {
                "fixed_seconds": model.fixed,
                "per_env_seconds": model.per_env,
                "half_rate_num_envs": None if model.per_env == 0 else model.half_rate_num_envs,
            }
            for scope, model in verdict.models.items()
        },
        "provenance": provenance,
    }


def _size_json(measurement: Measurement) -> dict[str, Any]:
    point = measurement.point
    return {
        "num_envs": measurement.num_envs,
        "seconds": None if point is None else {scope: _quartiles(point.timing(scope)) for scope in SCOPES},
        "without_rendering_seconds": None if point is None else _quartiles(point.without_rendering),
        "host_syncs": None if point is None else point.host_syncs,
        "host_syncs_at": [] if point is None else [list(place) for place in point.host_syncs_at],
        "sync_overhead": None if point is None else point.sync_overhead,
        "gpu_busy": measurement.gpu_busy,
        "outside_operations": None if measurement.split is None else measurement.split.outside_operations,
        "steady": None if measurement.split is None else measurement.split.steady,
        "threads": None if measurement.split is None else measurement.split.threads,
        "problem": measurement.problem or None,
    }


def _quartiles(timing: Timing | None) -> list[float] | None:
    return None if timing is None else [timing.low, timing.median, timing.high]
