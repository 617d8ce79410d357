"""The verdict on what limits a run, against times that are written down in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepscope._common.report import ReportLine
from stepscope.errors import BadInputError
from stepscope.measure import Timing, summarise
from stepscope.plan import Part, Point, find_bottleneck
from stepscope.plan.bottleneck._measure import Measurement
from stepscope.plan.bottleneck._report import report

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (256, 512, 1024, 2048, 4096)


def points(
    *,
    fixed: float = 0.0,
    per_env: float = 0.0,
    learning: float = 0.0,
    rendering: float = 0.0,
    sizes: Sequence[int] = SIZES,
    **seen: Any,  # noqa: ANN401 - other fields of a point
) -> list[Point]:
    """Return what would be measured if an iteration took a + b N + L N + R N per vector step."""
    measured = []
    for n in sizes:
        bare = fixed + per_env * n
        step = summarise([bare + rendering * n])
        measured.append(
            Point(
                num_envs=n,
                step=step,
                rollout=step,
                total=summarise([step.median + learning * n]),
                without_rendering=summarise([bare]) if rendering else None,
                **seen,
            )
        )
    return measured


@pytest.mark.parametrize(
    ("expected", "costs"),
    [
        ("launch-bound", {"fixed": 50e-3, "per_env": 1e-6, "learning": 1e-6}),
        ("throughput-bound", {"fixed": 1e-3, "per_env": 9e-6, "learning": 1e-6}),
        ("learner-bound", {"fixed": 1e-3, "per_env": 1e-6, "learning": 9e-6}),
        ("render-bound", {"fixed": 1e-3, "per_env": 1e-6, "rendering": 9e-6}),
        ("cannot tell", {"fixed": 1e-3, "per_env": 3e-6, "learning": 3e-6}),
    ],
)
def test_the_largest_part_is_the_verdict(expected: str, costs: dict[str, float]) -> None:
    """Whichever part takes most of the time limits the run; two equal ones do not decide."""
    assert expected == find_bottleneck(points(**costs)).bottleneck


def test_shares_are_those_of_the_closed_form() -> None:
    """At N = 1000 a + bN + LN = 1 + 2 + 5 ms, so the shares are 1/8, 2/8 and 5/8."""
    verdict = find_bottleneck(points(fixed=1e-3, per_env=2e-6, learning=5e-6, sizes=(10, 100, 1000)))
    shares = {part.name: part.share for part in verdict.parts}
    assert pytest.approx({"learning": 5 / 8, "per environment": 2 / 8, "fixed": 1 / 8}) == shares
    assert ["learning", "per environment", "fixed"] == [part.name for part in verdict.parts]


def test_the_gain_of_doubling_is_that_of_the_closed_form() -> None:
    """With T = 1 ms + 1 µs N the rate at 1000 is 1/2 of the peak, and at 2000 it is 2/3: a third more."""
    verdict = find_bottleneck(points(fixed=1e-3, per_env=1e-6, sizes=(10, 100, 1000)))
    assert pytest.approx(1 / 3) == verdict.doubling
    assert "33 %" in verdict.advice
    assert pytest.approx(1000) == verdict.models["total"].half_rate_num_envs


def test_the_verdict_speaks_of_the_size_that_was_asked_for() -> None:
    """The same run is launch-bound at a small size and throughput-bound at a large one."""
    measured = points(fixed=1e-3, per_env=1e-6, sizes=(10, 100, 1000, 10000))
    assert "launch-bound" == find_bottleneck(measured, at=100).bottleneck
    assert "throughput-bound" == find_bottleneck(measured).bottleneck


@given(
    fixed=st.floats(1e-6, 1.0),
    per_env=st.floats(1e-9, 1e-3),
    learning=st.floats(1e-9, 1e-3),
)
def test_without_noise_the_verdict_is_the_largest_cost(fixed: float, per_env: float, learning: float) -> None:
    """Exact times give back their own costs, where the largest is so by more than a thousandth."""
    costs = {
        "launch-bound": fixed,
        "throughput-bound": per_env * SIZES[-1],
        "learner-bound": learning * SIZES[-1],
    }
    first, second, _ = sorted(costs.values(), reverse=True)
    expected = max(costs, key=costs.__getitem__)
    assume(first > 1.001 * second)
    verdict = find_bottleneck(points(fixed=fixed, per_env=per_env, learning=learning)).bottleneck
    assert expected == verdict


def test_noise_that_hides_the_largest_part_is_said() -> None:
    """Where the quartiles allow either part to be the larger one, the data do not decide."""
    wide = [
        Point(num_envs=n, step=Timing(median=t, low=low, high=high, repeats=9))
        for n, low, t, high in ((100, 1.0, 1.0, 1.0), (1000, 1.1, 1.7, 2.0), (2000, 1.2, 2.4, 3.0))
    ]
    assert "cannot tell" == find_bottleneck(wide).bottleneck


@pytest.mark.parametrize("sizes", [(64, 4096), (100, 200, 300)])
def test_few_or_similar_sizes_do_not_decide(sizes: tuple[int, ...]) -> None:
    """Two sizes leave no residual, and sizes within a factor of 4 are too alike; the cost model is there still."""
    verdict = find_bottleneck(points(fixed=1e-3, per_env=1e-6, sizes=sizes))
    assert ("cannot tell", ()) == (verdict.bottleneck, verdict.parts)
    assert pytest.approx(1000) == verdict.models["step"].half_rate_num_envs


def test_waiting_that_costs_time_comes_first() -> None:
    """On a GPU waiting is a verdict where it costs more than a fifth of the time, and only there."""
    costs = {"fixed": 50e-3, "per_env": 1e-6}
    where = (("env.py:12", 1.0),)
    lost = find_bottleneck(points(**costs, host_syncs=1.0, host_syncs_at=where, sync_overhead=0.4))
    assert "synchronisation-bound" == lost.bottleneck
    assert "env.py:12" in lost.reason
    assert "up to 40 % of the rollout" in lost.advice
    assert (
        "launch-bound"
        == find_bottleneck(
            points(**costs, host_syncs=1.0, host_syncs_at=where, sync_overhead=0.05)
        ).bottleneck
    )


def test_a_cpu_that_waits_for_nothing_is_not_bound_by_waiting() -> None:
    """Values that are read cost nothing there, so the verdict is the largest part; the report still says where."""
    where = (("env.py:12", 1.0),)
    measured = points(fixed=50e-3, per_env=1e-6, host_syncs=1.0, host_syncs_at=where)
    verdict = find_bottleneck(measured)
    assert "launch-bound" == verdict.bottleneck
    measurements = [Measurement(num_envs=point.num_envs, point=point) for point in measured]
    assert [
        ReportLine(
            "host reads",
            "from the device once a vector step, at env.py:12: costs nothing here; the same line waits for a GPU",
            "warn",
        )
    ] == [line for line in report(verdict, measurements) if line.label == "host reads"]


def test_scopes_are_not_mixed() -> None:
    """A scope that one size lacks is not used; with stepping alone nothing is said of learning."""
    *rest, last = points(fixed=1e-3, per_env=1e-6, learning=9e-6)
    verdict = find_bottleneck([*rest, Point(num_envs=last.num_envs, step=last.step)])
    assert ("step", "throughput-bound") == (verdict.scope, verdict.bottleneck)
    assert {"fixed", "per environment"} == {part.name for part in verdict.parts}


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        ([], "at least two sizes"),
        ([Point(num_envs=8), Point(num_envs=8)], "measured twice"),
        ([Point(num_envs=8), Point(num_envs=16)], "no scope was measured at every size"),
    ],
)
def test_nonsense_gets_a_sentence(measured: list[Point], sentence: str) -> None:
    """What cannot be judged is refused in words."""
    with pytest.raises(BadInputError, match=sentence):
        find_bottleneck(measured)


def test_a_size_that_was_not_measured_is_refused() -> None:
    """The verdict speaks of measured sizes only."""
    with pytest.raises(BadInputError, match="1000 is not one of the measured sizes"):
        find_bottleneck(points(fixed=1.0), at=1000)


def test_parts_carry_what_the_fits_allow() -> None:
    """A part's bounds hold its share, and exact times leave no room between them."""
    for part in find_bottleneck(points(fixed=1e-3, per_env=1e-6)).parts:
        assert isinstance(part, Part)
        assert pytest.approx(part.low) == part.share
        assert pytest.approx(part.high) == part.share
