"""What ``stepscope bottleneck`` shows: a table, a few lines, JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepscope._common.report import ReportLine
from stepscope.plan.bottleneck._advice import how_often, rounded
from stepscope.plan.bottleneck._parts import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope._common.report import Severity
    from stepscope.measure import Timing
    from stepscope.plan._target import Target
    from stepscope.plan.bottleneck._measure import Measured
    from stepscope.plan.bottleneck._verdict import Verdict

__all__ = ["format_rows", "report", "to_json"]

_DASH = "\N{EN DASH}"


def format_rows(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    """Return the rows of the table, its header first; a size that failed has its reason in the last column."""
    head = ("environments", *(f"fps {scope}" for scope in SCOPES), "ms/vector step", "spread", "doubling", "")
    table = [head]
    before: Measured | None = None
    for each in found:
        table.append((*_cells(each, before), each.problem))
        before = each
    return table


def _cells(each: Measured, before: Measured | None) -> tuple[str, ...]:
    point = each.point
    if point is None:
        return (f"{each.num_envs:,}", *[_DASH] * 6)
    timings = [point.timing(scope) for scope in SCOPES]
    last = next(timing for timing in reversed(timings) if timing is not None)
    return (
        f"{each.num_envs:,}",
        *(_DASH if timing is None else f"{each.num_envs / timing.median:,.0f}" for timing in timings),
        f"{1e3 * last.median:,.3f}",
        f"{last.spread:.0%}",
        _doubling(each, before, last),
    )


def _doubling(each: Measured, before: Measured | None, last: Timing) -> str:
    """Return what twice as many environments added to the rate, where the size before was half of this one."""
    if before is None or before.point is None or each.num_envs != 2 * before.num_envs:
        return _DASH
    scope = next(scope for scope in reversed(SCOPES) if each.point and each.point.timing(scope) is last)
    earlier = before.point.timing(scope)
    return _DASH if earlier is None else f"{2 * earlier.median / last.median - 1:+.0%}"


def report(verdict: Verdict, found: Sequence[Measured]) -> Iterator[ReportLine]:
    """Yield the verdict and what it rests on."""
    tone: Severity = "warn" if verdict.bottleneck == "cannot tell" else ""
    yield ReportLine("verdict", f"{verdict.bottleneck}: {verdict.reason}", tone)
    yield ReportLine("what to do", verdict.advice)
    for scope, model in verdict.models.items():
        yield ReportLine(
            f"T(N), {scope}",
            f"{rounded(1e6 * model.fixed)} µs + {rounded(1e9 * model.per_env)} ns x N;"
            f" N½ = {rounded(model.half_rate_num_envs)}; peak {rounded(model.peak_rate)} env steps/s",
        )
    if verdict.parts:
        shares = ", ".join(f"{part.share:.0%} {part.name}" for part in verdict.parts)
        yield ReportLine("an iteration", f"{shares}, at {verdict.num_envs:,} environments")
    yield from _loop(found)
    yield from _reads(verdict, found)


def _loop(found: Sequence[Measured]) -> Iterator[ReportLine]:
    split = next((each.split for each in found if each.split is not None), None)
    if split is None:
        return
    on = f"{split.device}, {split.threads} thread{'s' * (split.threads != 1)}"
    yield ReportLine("measured", f"rollouts of {split.horizon} vector steps and their updates, on {on}")
    unsteady = [f"{each.num_envs:,}" for each in found if each.split and not each.split.steady]
    if unsteady:
        yield ReportLine("", f"not steady before the measurement: {', '.join(unsteady)} environments", "warn")


def _reads(verdict: Verdict, found: Sequence[Measured]) -> Iterator[ReportLine]:
    """Say where the host would wait for a GPU, unless the verdict has said so."""
    point = next(each.point for each in found if each.num_envs == verdict.num_envs)
    if verdict.bottleneck == "synchronisation-bound" or point is None or not point.host_syncs:
        return
    cost = "costs nothing here; the same line waits for a GPU"
    if point.sync_overhead is not None:
        cost = f"for which it waits, at a cost of {point.sync_overhead:.0%} of the rollout"
    yield ReportLine("host reads", f"from the device {how_often(point)}: {cost}", "warn")


def to_json(
    verdict: Verdict, found: Sequence[Measured], *, target: Target, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return all of it as what JSON can hold; times in seconds per vector step, rates in environment steps per second."""
    return {
        "schema": 1,
        "target": str(target),
        "sizes": [_size(each) for each in found],
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


def _size(each: Measured) -> dict[str, Any]:
    point = each.point
    return {
        "num_envs": each.num_envs,
        "seconds": None if point is None else {scope: _three(point.timing(scope)) for scope in SCOPES},
        "without_rendering_seconds": None if point is None else _three(point.without_rendering),
        "host_syncs": None if point is None else point.host_syncs,
        "host_syncs_at": [] if point is None else [list(where) for where in point.host_syncs_at],
        "sync_overhead": None if point is None else point.sync_overhead,
        "steady": None if each.split is None else each.split.steady,
        "threads": None if each.split is None else each.split.threads,
        "problem": each.problem or None,
    }


def _three(timing: Timing | None) -> list[float] | None:
    return None if timing is None else [timing.low, timing.median, timing.high]
