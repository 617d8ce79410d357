"""Bottleneck of a training run, from its times at a few sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope.errors import BadInputError
from stepscope.evidence import Decision
from stepscope.plan.bottleneck._advice import advise, explain
from stepscope.plan.bottleneck._parts import Part, Point, Scope, estimate_parts, fit_models, widest_scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stepscope.plan.bottleneck._parts import PartName
    from stepscope.plan.cost import CostModel

__all__ = ["Bottleneck", "Part", "Point", "Verdict", "find_bottleneck"]

Bottleneck = Literal[
    "launch-bound",
    "throughput-bound",
    "learner-bound",
    "render-bound",
    "synchronisation-bound",
    "cannot tell",
]

_BOTTLENECKS: Mapping[PartName, Bottleneck] = {
    "fixed": "launch-bound",
    "per environment": "throughput-bound",
    "learning": "learner-bound",
    "rendering": "render-bound",
}
_MIN_SIZES = 3  # a line through two of them leaves no residual that could say what it is worth
_MIN_SPAN = 4  # the largest over the smallest
_MAX_SYNC_OVERHEAD = 0.2  # waiting that costs more of the time is the first thing to fix


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Bottleneck of a run at one size, and the number to act on.

    Attributes
    ----------
    bottleneck
        ``"launch-bound"``, ``"throughput-bound"``, ``"learner-bound"``, ``"render-bound"``,
        ``"synchronisation-bound"`` or ``"cannot tell"``.
    num_envs
        The size.
    scope
        Scope that was timed: ``"total"``, ``"rollout"`` or ``"step"``, the widest that is known.
    parts
        Parts of an iteration at that size, the largest share first; empty where too few sizes were measured.
    models
        The cost model of each scope.
    doubling
        Increase of the rate with twice the environments, as a share of it, by the model of the scope.
    reason, advice
        A sentence each.
    """

    bottleneck: Bottleneck
    num_envs: int
    scope: Scope
    parts: tuple[Part, ...]
    models: Mapping[Scope, CostModel]
    doubling: float
    reason: str
    advice: str

    def decides(self, expected: Bottleneck) -> Decision:
        """Decide whether this is what was expected: ``cannot tell`` leaves it open."""
        holds = None if self.bottleneck == "cannot tell" else self.bottleneck == expected
        return Decision(
            holds=holds,
            expected=expected,
            measured=self.bottleneck,
            why=None if holds is not None else self.reason,
        )


def find_bottleneck(points: Iterable[Point], *, at: int | None = None) -> Verdict:
    r"""Find what limits a run, from its times at several sizes.

    Parameters
    ----------
    points
        Times, one point for each size.
    at
        The size that the verdict is about; None is the largest.

    Returns
    -------
    Verdict
        ``cannot tell`` where there are fewer than three sizes, where they span less than a factor of 4, or where the
        two largest parts are too similar for the precision of the measurements.

    Raises
    ------
    BadInputError
        There are fewer than two sizes, a size occurs twice, no scope is known at all of them, or `at` is not one of them.

    Notes
    -----
    An iteration takes :math:`T = a + b N + L + R`: what the rollout costs once and what it costs for each
    environment, fitted to all sizes by `CostModel.fit`, learning, and rendering. The largest of the four limits the
    run, if its least share is above the largest of every other: the limits are those of the fits to the quartiles, and
    with each size left out in turn (a jackknife, after Quenouille, 1956).

    Waiting takes precedence where it costs more than a fifth of the time: without it host and device would
    work side by side, and an iteration would take as long as the slower of them. On a CPU there is nothing to
    wait for, so it is never the verdict there.

    Examples
    --------
    >>> from stepscope.measure import summarise
    >>> times = {64: 1.064e-3, 1024: 2.024e-3, 16384: 17.384e-3}
    >>> verdict = find_bottleneck(Point(num_envs=n, step=summarise([t])) for n, t in times.items())
    >>> verdict.bottleneck, f"{verdict.parts[0].share:.2f}", f"{verdict.doubling:.2f}"
    ('throughput-bound', '0.94', '0.03')
    """
    ordered = sorted(points, key=lambda point: point.num_envs)
    scope = _check(ordered, at)
    subject = ordered[-1] if at is None else next(point for point in ordered if point.num_envs == at)
    models = fit_models(ordered)
    decidable = len(ordered) >= _MIN_SIZES and ordered[-1].num_envs >= _MIN_SPAN * ordered[0].num_envs
    parts = estimate_parts(ordered, subject.num_envs) if decidable else ()
    bottleneck = _decide(parts, subject)
    return Verdict(
        bottleneck=bottleneck,
        num_envs=subject.num_envs,
        scope=scope,
        parts=parts,
        models=models,
        doubling=models[scope].gain_of_doubling(subject.num_envs),
        reason=explain(bottleneck, parts, subject, sizes=[point.num_envs for point in ordered]),
        advice=advise(bottleneck, parts, subject, model=models[scope]),
    )


def _check(points: Sequence[Point], at: int | None) -> Scope:
    sizes = [point.num_envs for point in points]
    if len(sizes) < 2:  # noqa: PLR2004 - a line
        raise BadInputError("at least two sizes are needed to find what limits a run.")
    if len(set(sizes)) < len(sizes):
        raise BadInputError("a size was measured twice; give each size once.")
    if at is not None and at not in sizes:
        raise BadInputError(f"{at} is not one of the measured sizes: {', '.join(map(str, sizes))}.")
    scope = widest_scope(points)
    if scope is None:
        raise BadInputError(
            "no scope was measured at every size; rates of different scopes cannot be compared."
        )
    return scope


def _decide(parts: Sequence[Part], point: Point) -> Bottleneck:
    if not parts:
        return "cannot tell"
    largest = parts[0]
    learning = sum(part.share for part in parts if part.name == "learning")
    if point.host_syncs and (point.sync_overhead or 0.0) * (1.0 - learning) > _MAX_SYNC_OVERHEAD:
        return "synchronisation-bound"
    if any(part.high >= largest.low for part in parts[1:]):
        return "cannot tell"
    return _BOTTLENECKS[largest.name]
