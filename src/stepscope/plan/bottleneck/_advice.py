"""A verdict in words: why, and what to do, with the number to act on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.plan.bottleneck._parts import Part, Point
    from stepscope.plan.cost import CostModel

__all__ = ["advice", "gain_of_doubling", "how_often", "reason", "rounded"]

_NAMES = {
    "fixed": "what a step costs however few environments there are",
    "per environment": "work that grows with each environment",
    "learning": "learning",
    "rendering": "rendering",
}


def gain_of_doubling(model: CostModel, num_envs: int) -> float:
    """Return what doubling the environments adds to the rate, as a share of it.

    Examples
    --------
    >>> from stepscope.plan import CostModel
    >>> round(gain_of_doubling(CostModel(fixed=1.0, per_env=1.0), 1), 3)
    0.333
    """
    return model.rate(2 * num_envs) / model.rate(num_envs) - 1.0


def reason(bottleneck: str, parts: Sequence[Part], point: Point, *, sizes: Sequence[int]) -> str:
    """Return why."""
    if not parts:
        return (
            f"{len(sizes)} sizes from {sizes[0]:,} to {sizes[-1]:,} do not decide: at least three are needed, the"
            " largest four times the smallest."
        )
    if bottleneck == "synchronisation-bound":
        return _waiting(point)
    if bottleneck == "cannot tell":
        first, second = parts[:2]
        return (
            f"at {point.num_envs:,} environments {_NAMES[first.name]} ({_range(first)}) and {_NAMES[second.name]}"
            f" ({_range(second)}) are too alike for these measurements."
        )
    largest = parts[0]
    return f"at {point.num_envs:,} environments {_range(largest)} of the time is {_NAMES[largest.name]}."


def _range(part: Part) -> str:
    low, high = f"{100 * part.low:.0f}", f"{100 * part.high:.0f}"
    return f"{100 * part.share:.0f} %" if low == high else f"{low} to {high} %"


def _waiting(point: Point) -> str:
    return (
        f"the host waits for the device {how_often(point)}, and the device for the host:"
        f" {100 * (point.sync_overhead or 0.0):.0f} % of the rollout is lost."
    )


def how_often(point: Point) -> str:
    """Return how often the host reads from the device, and where."""
    times = point.host_syncs or 0.0
    often = "once" if times == 1 else f"{times:,.3g} times"
    where = " and ".join("/".join(Path(place).parts[-2:]) for place, _ in point.host_syncs_at[:3])
    return f"{often} a vector step{where and f', at {where}'}"


def advice(bottleneck: str, parts: Sequence[Part], point: Point, *, model: CostModel) -> str:
    """Return what to do, with its number."""
    doubling = f"{100 * gain_of_doubling(model, point.num_envs):.0f} %"
    share = parts[0].share if parts else 0.0
    most = _times(1.0 / (1.0 - share)) if share < 1 else ""
    if bottleneck == "launch-bound":
        return (
            f"Run more environments: from {point.num_envs:,} on, doubling their number adds {doubling} to the"
            f" rate{_half(model)}."
        )
    if bottleneck == "throughput-bound":
        return (
            f"Make the work for each environment cheaper: from {point.num_envs:,} on, doubling their number adds"
            f" {doubling} to the rate."
        )
    if bottleneck == "learner-bound":
        return (
            f"Make the update cheaper: at half of its cost the rate is {_times(1.0 / (1.0 - share / 2))}, while doubling"
            f" {point.num_envs:,} environments adds {doubling}."
        )
    if bottleneck == "render-bound":
        return f"Switch rendering off, or render less often: without it the rate is {most}."
    if bottleneck == "synchronisation-bound":
        return f"Leave the value on the device: that saves up to {100 * (point.sync_overhead or 0.0):.0f} % of the rollout."
    return f"Doubling {point.num_envs:,} environments adds about {doubling} to the rate; measure more sizes, or on a quieter machine."


def _half(model: CostModel) -> str:
    if math.isinf(model.half_rate_num_envs):
        return ""
    return f", and half of the peak rate is reached at {rounded(model.half_rate_num_envs)}"


def _times(factor: float) -> str:
    return f"{factor:.1f} times as high"


def rounded(value: float) -> str:
    """Return a number with two digits that count.

    Examples
    --------
    >>> rounded(1234.5), rounded(0.4), rounded(float("inf"))
    ('1,200', '0.4', 'infinite')
    """
    if math.isinf(value):
        return "infinite"
    digits = 1 - math.floor(math.log10(value)) if value > 0 else 0
    shown = round(value, digits)
    return f"{shown:,.0f}" if shown >= 10 or shown == int(shown) else f"{shown:g}"  # noqa: PLR2004 - two digits
