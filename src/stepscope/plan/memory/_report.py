"""Report on a memory estimate: a table of its items, and a few lines of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepscope._common.format import format_bytes
from stepscope._common.report import ReportLine
from stepscope.plan.memory._estimate import estimate_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope.plan.memory._estimate import MemoryEstimate
    from stepscope.plan.memory._libraries import Item, Part

__all__ = ["format_rows", "report", "to_json"]

_PLACES = {"torch": "PyTorch", "host": "NumPy, host"}
_ADVICE: dict[Part, str] = {
    "networks": "The networks take most of it: only smaller ones help, fewer environments do not.",
    "rollout": "The rollout takes most of it: a shorter horizon or fewer environments make it smaller.",
    "update": "The update takes most of it: more minibatches make it smaller, at the same number of environments.",
}


def format_rows(estimate: MemoryEstimate) -> list[tuple[str, ...]]:
    """Return the items as rows of text, under a header."""
    head = ("part", "held by", "memory", "share", "count x bytes")
    return [head, *(_row(item, estimate) for item in estimate.items)]


def _row(item: Item, estimate: MemoryEstimate) -> tuple[str, ...]:
    share = f"{item.number_of_bytes / estimate.torch_bytes:.0%}" if item.place == "torch" else ""
    return item.name, _PLACES[item.place], format_bytes(item.number_of_bytes), share, item.formula


def report(estimate: MemoryEstimate) -> Iterator[ReportLine]:
    """Yield the lines below the table."""
    for item in estimate.items:
        yield ReportLine(item.name, f"{item.meaning} ({item.source.split(' ')[0]})")
    yield ReportLine("", "")
    yield ReportLine(
        "PyTorch's share", f"{format_bytes(estimate.torch_bytes)} at its peak, which is {estimate.moment}"
    )
    if estimate.host_bytes:
        yield ReportLine("NumPy's share", f"{format_bytes(estimate.host_bytes)} in the memory of the host")
    yield ReportLine("per environment", format_bytes(_bytes_per_env(estimate)))
    yield ReportLine("what to do", _advice(estimate))
    if estimate.training.minibatches > estimate.training.horizon:
        warning = (
            "there are more minibatches than vector steps, so that the peak may be in the rollout, which is not"
            " simulated here"
        )
        yield ReportLine("caution", warning, "warn")
    yield ReportLine(
        "not included",
        "the simulator, the CUDA context and PyTorch itself: stepscope fit measures all of them",
    )


def _bytes_per_env(estimate: MemoryEstimate) -> int:
    training = estimate.training
    twice = estimate_memory(replace(training, num_envs=2 * training.num_envs))
    return (twice.torch_bytes - estimate.torch_bytes) // training.num_envs


def _advice(estimate: MemoryEstimate) -> str:
    return _ADVICE[max(_ADVICE, key=estimate.torch_bytes_of)]


def to_json(estimate: MemoryEstimate) -> dict[str, Any]:
    """Return the estimate as JSON."""
    return {
        "training": {"library": estimate.training.library, **estimate.training.settings},
        "moment": estimate.moment,
        "torch_bytes": estimate.torch_bytes,
        "host_bytes": estimate.host_bytes,
        "items": [
            {
                "name": item.name,
                "part": item.part,
                "place": item.place,
                "bytes": item.number_of_bytes,
                "formula": item.formula,
                "meaning": item.meaning,
                "source": item.source,
            }
            for item in estimate.items
        ],
    }
