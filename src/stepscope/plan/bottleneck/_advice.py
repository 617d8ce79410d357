"""Reason of a verdict and advice, with the number to act on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stepscope._common.format import format_two_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.plan.bottleneck._parts import Part, Point
    from stepscope.plan.cost import CostModel

__all__ = ["advise", "describe_reads", "explain"]

_PART_LABELS = {
    "fixed": "what a step costs however few environments there are",
    "per environment": "work that grows with each environment",
    "learning": "learning",
    "rendering": "rendering",
}


def explain(bottleneck: str, parts: Sequence[Part], point: Point, *, sizes: Sequence[int]) -> str:
    """Return the reason for a verdict."""
    if not parts:
        return (
            f"{len(sizes)} sizes from {sizes[0]:,} to {sizes[-1]:,} are too few: at least three are needed, the largest"
            " four times the smallest."
        )
    if bottleneck == "synchronisation-bound":
        return (
            f"the host waits for the device {describe_reads(point)}, and the device for the host:"
            f" {100 * (point.sync_overhead or 0.0):.0f} % of the rollout is lost."
        )
    if bottleneck == "cannot tell":
        first, second = parts[:2]
        return (
            f"at {point.num_envs:,} environments {_PART_LABELS[first.name]} ({_format_range(first)}) and {_PART_LABELS[second.name]}"
            f" ({_format_range(second)}) are too similar for these measurements."
        )
    largest = parts[0]
    return f"at {point.num_envs:,} environments {_format_range(largest)} of the time is {_PART_LABELS[largest.name]}."


def _format_range(part: Part) -> str:
    low, high = f"{100 * part.low:.0f}", f"{100 * part.high:.0f}"
    return f"{100 * part.share:.0f} %" if low == high else f"{low} to {high} %"


def describe_reads(point: Point) -> str:
    """Return how often the host reads from the device in a vector step, and where."""
    times = point.host_syncs or 0.0
    often = "once" if times == 1 else f"{times:,.3g} times"
    where = " and ".join("/".join(Path(place).parts[-2:]) for place, _ in point.host_syncs_at[:3])
    return f"{often} a vector step{where and f', at {where}'}"


def advise(bottleneck: str, parts: Sequence[Part], point: Point, *, model: CostModel) -> str:
    """Return a sentence on what to do, with the number to act on."""
    doubling = f"{100 * model.gain_of_doubling(point.num_envs):.0f} %"
    share = parts[0].share if parts else 0.0
    if bottleneck == "launch-bound":
        half = (
            f", and half of the peak rate is reached at {format_two_digits(model.half_rate_num_envs)}"
            if model.per_env
            else ""
        )
        return (
            f"Run more environments: from {point.num_envs:,} on, doubling their number adds {doubling} to the"
            f" rate{half}."
        )
    if bottleneck == "throughput-bound":
        return (
            f"Make the work for each environment cheaper: from {point.num_envs:,} on, doubling their number adds"
            f" {doubling} to the rate."
        )
    if bottleneck == "learner-bound":
        return (
            f"Make the update cheaper: at half of its cost the rate is {1.0 / (1.0 - share / 2):.1f} times as high,"
            f" while doubling {point.num_envs:,} environments adds {doubling}."
        )
    if bottleneck == "render-bound":
        gain = 1.0 / max(1.0 - share, 1e-9)
        return f"Switch rendering off, or render less often: without it the rate is {gain:.1f} times as high."
    if bottleneck == "synchronisation-bound":
        return f"Leave the value on the device: that saves up to {100 * (point.sync_overhead or 0.0):.0f} % of the rollout."
    return f"Doubling {point.num_envs:,} environments adds about {doubling} to the rate; measure more sizes, or on a quieter machine."
