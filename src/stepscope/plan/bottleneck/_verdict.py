"""What limits a training run: a verdict from the times of a few sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stepscope.errors import BadInputError
from stepscope.evidence import Decision
from stepscope.plan.bottleneck._advice import advice, gain_of_doubling, reason
from stepscope.plan.bottleneck._parts import Part, Point, Scope, models, parts_at, widest

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

_OF: Mapping[PartName, Bottleneck] = {
    "fixed": "launch-bound",
    "per environment": "throughput-bound",
    "learning": "learner-bound",
    "rendering": "render-bound",
}
_SIZES = 3  # a line through two of them leaves no residual that could say what it is worth
_SPAN = 4  # the largest over the smallest
_LOST = 0.2  # waiting that costs more of the time is the first thing to mend


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What limits a run at one size, and the number to act on.

    Attributes
    ----------
    bottleneck
        ``"launch-bound"``, ``"throughput-bound"``, ``"learner-bound"``, ``"render-bound"``,
        ``"synchronisation-bound"`` or ``"cannot tell"``.
    num_envs
        The size that it speaks of.
    scope
        What was timed: ``"total"``, ``"rollout"`` or ``"step"``, whichever is the widest that is known.
    parts
        What an iteration is made of at that size, the largest share first; empty where too few sizes were measured.
    models
        The cost model of each scope.
    doubling
        What twice as many environments would add to the rate, as a share of it, by the model of the scope.
    reason, advice
        Why, and what to do, a sentence each.
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
    r"""Say what limits a run, from the times of several sizes.

    Parameters
    ----------
    points
        What was measured, one for each size.
    at
        The size that the verdict speaks of; None is the largest.

    Returns
    -------
    Verdict
        ``cannot tell`` where there are fewer than three sizes, where they span less than a factor of 4, or where the
        two largest parts are too alike for what the measurements are worth.

    Raises
    ------
    BadInputError
        There are no two sizes, a size is there twice, no scope is known at all of them, or `at` is none of them.

    Notes
    -----
    An iteration takes :math:`T = a + b N + L + R`: what the rollout costs once and what it costs for each
    environment, fitted to all sizes by `CostModel.fit`, learning, and rendering. The largest of the four limits the
    run, if its least share is above the most of every other: the bounds are those of the fits to the quartiles, and
    with each size left out in turn (a jackknife, after Quenouille, 1956).

    Waiting comes before all of them where it costs more than a fifth of the time: without it host and device would
    work beside one another, and an iteration would take as long as the slower of them. On a CPU there is nothing to
    wait for, so it is never the verdict there.

    Examples
    --------
    >>> from stepscope.measure import summarise
    >>> times = {64: 1.064e-3, 1024: 2.024e-3, 16384: 17.384e-3}
    >>> verdict = find_bottleneck(Point(num_envs=n, step=summarise([t])) for n, t in times.items())
    >>> verdict.bottleneck, f"{verdict.parts[0].share:.2f}", f"{verdict.doubling:.2f}"
    ('throughput-bound', '0.94', '0.03')
    """
    known = sorted(points, key=lambda point: point.num_envs)
    scope = _checked(known, at)
    speaks_of = known[-1] if at is None else next(point for point in known if point.num_envs == at)
    fitted = models(known)
    parts = parts_at(known, speaks_of.num_envs) if _enough(known) else ()
    found = _decided(parts, speaks_of)
    return Verdict(
        bottleneck=found,
        num_envs=speaks_of.num_envs,
        scope=scope,
        parts=parts,
        models=fitted,
        doubling=gain_of_doubling(fitted[scope], speaks_of.num_envs),
        reason=reason(found, parts, speaks_of, sizes=[point.num_envs for point in known]),
        advice=advice(found, parts, speaks_of, model=fitted[scope]),
    )


def _checked(points: Sequence[Point], at: int | None) -> Scope:
    sizes = [point.num_envs for point in points]
    if len(sizes) < 2:  # noqa: PLR2004 - a line
        raise BadInputError("what limits a run shows at two sizes at least; give more of them.")
    if len(set(sizes)) < len(sizes):
        raise BadInputError("a size was measured twice; give each of them once.")
    if at is not None and at not in sizes:
        raise BadInputError(f"{at} is none of the sizes that were measured: {', '.join(map(str, sizes))}.")
    scope = widest(points)
    if scope is None:
        raise BadInputError(
            "no scope was measured at every size; the rates of different scopes do not compare."
        )
    return scope


def _enough(points: Sequence[Point]) -> bool:
    return len(points) >= _SIZES and points[-1].num_envs >= _SPAN * points[0].num_envs


def _decided(parts: Sequence[Part], point: Point) -> Bottleneck:
    if not parts:
        return "cannot tell"
    largest = parts[0]
    learning = sum(part.share for part in parts if part.name == "learning")
    if (
        point.sync_overhead is not None
        and point.sync_overhead * (1.0 - learning) > _LOST
        and (point.host_syncs or 0.0) > 0
    ):
        return "synchronisation-bound"
    if any(part.high >= largest.low for part in parts[1:]):
        return "cannot tell"
    return _OF[largest.name]
