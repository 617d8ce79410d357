"""Report on a capacity estimate: a table of its probes, a few lines of text, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes, format_count
from stepscope._common.report import ReportLine, Severity
from stepscope.plan._memory_model import MARGIN
from stepscope.plan.fit._capacity import BEYOND, regression_probes, within_budget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stepscope.plan._probe import Memory, Probe
    from stepscope.plan._target import Target
    from stepscope.plan.fit._capacity import Capacity

__all__ = ["MEMORY_LABELS", "format_rows", "report", "to_json"]

MEMORY_LABELS: dict[Memory, str] = {"host": "host memory", "device": "GPU memory"}
_ENOUGH = 0.05  # of the budget: with less growth the line is extrapolated a long way
_DOMINATES = 0.5  # of the budget: a fixed part of this share is the first thing to look at
_NO_HELP = "reducing their number cannot help. Reduce what is loaded, or use more memory."


def format_rows(capacity: Capacity) -> list[tuple[str, ...]]:
    """Return the probes as rows of text, under a header."""
    memories = list(capacity.budgets)
    columns = [name for memory in memories for name in (MEMORY_LABELS[memory], "fitted", "residual")]
    rows: list[tuple[str, ...]] = [("num_envs", "seconds", *columns, "status")]
    for probe in capacity.probes:
        cells = [cell for memory in memories for cell in _memory_cells(capacity, probe, memory)]
        rows.append((f"{probe.num_envs:,}", f"{probe.outcome.seconds:.1f}", *cells, probe.outcome.status))
    return rows


def _memory_cells(capacity: Capacity, probe: Probe, memory: Memory) -> tuple[str, str, str]:
    measured = probe.bytes_of(memory)
    model = capacity.models.get(memory)
    if model is None or not probe.outcome.ok:
        return format_bytes(measured), "", ""
    line = model.predict(probe.num_envs)
    return format_bytes(measured), format_bytes(line), f"{round(measured / line - 1, 3) + 0.0:+.1%}"


def report(capacity: Capacity, verified: Sequence[Probe]) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    for memory, model in capacity.models.items():
        worst = max(map(abs, model.residuals))
        yield ReportLine(
            MEMORY_LABELS[memory],
            f"M(N) = {format_bytes(model.fixed_bytes)} + {format_bytes(model.per_env_bytes)} x N,"
            f" residuals up to {worst:.1%}{_left_out(capacity)}",
        )
    for memory, size in capacity.budgets.items():
        yield ReportLine("budget", f"{format_bytes(size)} of {MEMORY_LABELS[memory]}")
    yield ReportLine("largest num_envs", _largest(capacity))
    yield ReportLine("fixed part", *_fixed(capacity))
    if capacity.largest is not None and capacity.models:
        grown = _growth(capacity)
        if grown < _ENOUGH * capacity.budgets[capacity.limited_by]:
            yield ReportLine(
                "",
                f"the runs differ by {format_bytes(grown)} only: --verify, or begin with a larger --first",
                "warn",
            )
    for probe in verified:
        yield _verified(capacity, probe)
    if verified:
        yield _conclusion(capacity, verified)


def _left_out(capacity: Capacity) -> str:
    if regression_probes(capacity.succeeded) == capacity.succeeded:
        return ""
    return "; the first run, which may have compiled something, is left out"


def _growth(capacity: Capacity) -> int:
    """Return the bytes by which the probes differ, from which the slope is known."""
    sizes = [probe.bytes_of(capacity.limited_by) for probe in capacity.succeeded]
    return max(sizes) - min(sizes)


def _largest(capacity: Capacity) -> str:
    if capacity.largest is None:
        return (
            f"unknown: the runs differ by {format_bytes(_growth(capacity))}, no more than they vary;"
            " begin with a larger --first"
        )
    if capacity.largest == 0:
        return "0: not even one environment fits"
    if not capacity.models:
        return f"{capacity.largest:,}, the largest that was tried: a line needs more than one size"
    free = f", with {MARGIN:.0%} of the budget left free"
    return f"{capacity.largest:,}, limited by {MEMORY_LABELS[capacity.limited_by]}{free}"


def _fixed(capacity: Capacity) -> tuple[str, Severity]:
    share = capacity.fixed_share
    if share is None:
        return ("unknown", "") if capacity.largest else (f"{_smallest(capacity)}: {_NO_HELP}", "bad")
    text = f"{share:.0%} of the budget, whatever the number of environments"
    if share > 1 - MARGIN or capacity.largest == 0:
        return f"{text}: {_NO_HELP}", "bad"
    if capacity.largest is None:
        return text, ""
    if share > _DOMINATES:
        return f"{text}: it dominates, and reducing their number frees little.", "warn"
    return f"{text}: most of it is the environments', and fewer of them take less.", ""


def _smallest(capacity: Capacity) -> str:
    """Return what is known of the smallest size, where nothing is within the budget."""
    single = next((probe for probe in capacity.succeeded if probe.num_envs == 1), None)
    if single is None:
        smallest = min(probe.num_envs for probe in capacity.probes)
        return f"{format_count(smallest, 'environment')} did not fit"
    size = single.bytes_of(capacity.limited_by)
    share = size / capacity.budgets[capacity.limited_by]
    return f"1 environment takes {format_bytes(size)}, {share:.0%} of the budget"


def _verified(capacity: Capacity, probe: Probe) -> ReportLine:
    size = format_bytes(probe.bytes_of(capacity.limited_by))
    subject = f"{probe.num_envs:,} environments"
    if within_budget(probe, capacity.budgets):
        return ReportLine(
            "verified", f"{subject} fit: they took {size} in {probe.outcome.seconds:.1f} s", "good"
        )
    reason = probe.outcome.reason or f"took {size}"
    return ReportLine("verified", f"{subject} do not fit ({probe.outcome.status}): {reason}")


def _conclusion(capacity: Capacity, verified: Sequence[Probe]) -> ReportLine:
    predicted_fits, beyond_fits = (within_budget(probe, capacity.budgets) for probe in verified)
    if not predicted_fits:
        return ReportLine(
            "", "fewer fit than predicted: trust no size beyond the largest one measured", "bad"
        )
    if beyond_fits:
        return ReportLine("", "more fit than predicted: the prediction is on the safe side", "warn")
    text = f"the largest number lies between these two, within {BEYOND - 1:.0%} of the prediction"
    return ReportLine("", text, "good")


def to_json(
    capacity: Capacity, verified: Sequence[Probe], *, target: Target, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Return all of it as JSON; the page of the command line describes the fields."""
    return {
        "schema": 1,
        "target": str(target),
        "budget_bytes": dict(capacity.budgets),
        "probes": [_probe_json(probe) for probe in capacity.probes],
        "models": {
            memory: {
                "fixed_bytes": model.fixed_bytes,
                "per_env_bytes": model.per_env_bytes,
                "residuals": list(model.residuals),
            }
            for memory, model in capacity.models.items()
        },
        "largest_num_envs": capacity.largest,
        "limited_by": capacity.limited_by,
        "fixed_share": capacity.fixed_share,
        "verified": [
            {**_probe_json(probe), "fits": within_budget(probe, capacity.budgets)} for probe in verified
        ],
        "provenance": provenance,
    }


def _probe_json(probe: Probe) -> dict[str, Any]:
    outcome, footprint = probe.outcome, probe.outcome.footprint
    return {
        "num_envs": probe.num_envs,
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "threads": outcome.threads,
        "host_bytes": probe.host_bytes,
        "device_bytes": probe.device_bytes,
        "torch_allocated_bytes": footprint.torch_allocated_bytes if footprint else None,
        "torch_reserved_bytes": footprint.torch_reserved_bytes if footprint else None,
        "other_bytes": footprint.other_bytes if footprint else None,
    }
