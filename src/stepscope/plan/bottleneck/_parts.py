"""Parts of an iteration: fixed work, work for each environment, learning, rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope.plan.cost import CostModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stepscope.measure import LoopSplit, Timing

__all__ = ["SCOPES", "Part", "PartName", "Point", "Scope", "estimate_parts", "fit_models", "widest_scope"]

Scope = Literal["step", "rollout", "total"]
PartName = Literal["fixed", "per environment", "learning", "rendering"]

SCOPES: tuple[Scope, ...] = ("step", "rollout", "total")
"""The narrowest first."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Times measured at one size: seconds per vector step, by scope; None where unknown.

    Attributes
    ----------
    num_envs
        The size.
    step, rollout, total
        Stepping; stepping and inference; and both with the update divided by the horizon.
    without_rendering
        Stepping with rendering switched off.
    host_syncs
        Number of times in a vector step that the host reads from the device, for which it waits where that is a GPU.
    host_syncs_at
        Their places, as ``file:line``, with the number of times in a vector step.
    sync_overhead
        Share of the rollout that would be saved if host and device did not wait for one another; None on a CPU.
    """

    num_envs: int
    step: Timing | None = None
    rollout: Timing | None = None
    total: Timing | None = None
    without_rendering: Timing | None = None
    host_syncs: float | None = None
    host_syncs_at: tuple[tuple[str, float], ...] = ()
    sync_overhead: float | None = None

    @classmethod
    def from_split(cls, split: LoopSplit) -> Point:
        """Return the times of a measured loop."""
        return cls(
            num_envs=split.num_envs,
            step=split.stepping,
            rollout=split.rollout,
            total=split.total,
            without_rendering=split.without_rendering,
            host_syncs=split.host_syncs,
            host_syncs_at=split.host_syncs_at,
            sync_overhead=split.sync_overhead,
        )

    def timing(self, scope: Scope) -> Timing | None:
        """Return the times of one scope."""
        timing: Timing | None = getattr(self, scope)
        return timing


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of an iteration and its share of the time.

    Attributes
    ----------
    name
        ``"fixed"`` and ``"per environment"``: of the rollout (or of what else was timed), what does not grow with the
        number of environments and what does. ``"learning"`` and ``"rendering"`` as their names say.
    share
        From 0 to 1.
    low, high
        Least and largest share by the fits to the lower quartiles, the medians and the upper quartiles,
        with every size and with each of them left out.
    """

    name: PartName
    share: float
    low: float
    high: float


def widest_scope(points: Sequence[Point]) -> Scope | None:
    """Return the widest scope that is known at every size."""
    return next((scope for scope in reversed(SCOPES) if all(point.timing(scope) for point in points)), None)


def fit_models(points: Sequence[Point]) -> dict[Scope, CostModel]:
    """Fit a cost model to each scope that is known at every size."""
    models: dict[Scope, CostModel] = {}
    for scope in SCOPES:
        timings = [(point.num_envs, point.timing(scope)) for point in points]
        pairs = [(num_envs, timing.median) for num_envs, timing in timings if timing is not None]
        if len(pairs) == len(points) > 1:
            models[scope] = CostModel.fit(pairs)
    return models


def estimate_parts(points: Sequence[Point], num_envs: int) -> tuple[Part, ...]:
    """Return the parts of an iteration at one of the sizes, the largest share first.

    At least three sizes are needed: the error of a fit shows when one of them is left out.
    """
    scope = widest_scope(points)
    assert scope is not None  # noqa: S101 - the caller has checked
    has_learning = scope == "total" and all(point.rollout for point in points)
    samples = list(_shares(points, num_envs, scope=scope, has_learning=has_learning))
    names: list[PartName] = [name for name in samples[0] if any(shares[name] for shares in samples)]
    parts = [
        Part(
            name=name,
            share=samples[0][name],
            low=min(shares[name] for shares in samples),
            high=max(shares[name] for shares in samples),
        )
        for name in names
    ]
    return tuple(sorted(parts, key=lambda part: -part.share))


def _shares(
    points: Sequence[Point], num_envs: int, *, scope: Scope, has_learning: bool
) -> Iterator[dict[PartName, float]]:
    """Yield the shares by the fit to all medians, then by other fits."""
    picks: list[Callable[[Timing], float]] = [
        lambda timing: timing.median,
        lambda timing: timing.low,
        lambda timing: timing.high,
    ]
    at = next(point for point in points if point.num_envs == num_envs)
    for pick in picks:
        rest = [
            (point.num_envs, _rest(point, pick, scope=scope, has_learning=has_learning)) for point in points
        ]
        whole = _seconds(at, scope, pick)
        learning = max(0.0, whole - _seconds(at, "rollout", pick)) / whole if has_learning else 0.0
        rendering = _rendering(at, pick) / whole
        for left_out in (None, *(range(len(rest)) if pick is picks[0] else ())):
            model = CostModel.fit(pair for index, pair in enumerate(rest) if index != left_out)
            fixed = model.fixed / model.predict(num_envs) * (1.0 - learning - rendering)
            yield {
                "fixed": fixed,
                "per environment": max(0.0, 1.0 - learning - rendering - fixed),
                "learning": learning,
                "rendering": rendering,
            }


def _rest(point: Point, pick: Callable[[Timing], float], *, scope: Scope, has_learning: bool) -> float:
    """Seconds without learning and without rendering."""
    whole = _seconds(point, "rollout" if has_learning else scope, pick)
    return max(whole - _rendering(point, pick), 1e-12)  # a cost model needs times above 0


def _rendering(point: Point, pick: Callable[[Timing], float]) -> float:
    if point.without_rendering is None or point.step is None:
        return 0.0
    return max(0.0, pick(point.step) - pick(point.without_rendering))


def _seconds(point: Point, scope: Scope, pick: Callable[[Timing], float]) -> float:
    timing = point.timing(scope)
    assert timing is not None  # noqa: S101 - of a scope that is known at every size
    return pick(timing)
