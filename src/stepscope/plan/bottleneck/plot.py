"""Plot of the time of a vector step against the number of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import LogLocator

from stepscope import plots
from stepscope._common.format import format_two_digits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from stepscope.plan.bottleneck._measure import Measurement
    from stepscope.plan.bottleneck._parts import Scope
    from stepscope.plan.bottleneck._verdict import Verdict

__all__ = ["draw"]

_STYLES = {
    "step": ("o", plots.COLOURS["per_env"]),
    "rollout": ("s", plots.INK),
    "total": ("^", plots.COLOURS["fixed"]),
}


def draw(verdict: Verdict, measurements: Sequence[Measurement], *, path: str) -> None:
    """Draw the times of each scope, with their quartiles and the fitted lines, and write the figure."""
    model = verdict.models[verdict.scope]
    figure, axes = plots.figure(
        title=f"{verdict.bottleneck.capitalize()} at {verdict.num_envs:,} environments:"
        f" doubling them adds {verdict.doubling:.0%} to the rate",
        x="number of environments",
        y="milliseconds per vector step",
        log="xy",
    )
    for scope in verdict.models:
        _draw_scope(axes, scope, verdict, measurements)
    half = model.half_rate_num_envs
    sizes = [measurement.num_envs for measurement in measurements if measurement.point]
    axes.set_xticks(sizes, minor=False)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))  # within a decade, too
    if min(sizes) < half < max(sizes):
        axes.axvline(half, color=plots.COLOURS["fixed"], linestyle=":")
        axes.text(
            half * 1.05,
            axes.get_ylim()[1] / 1.05,
            f"N½ = {format_two_digits(half)}",
            color=plots.MUTED,
            va="top",
        )
    figure.legend(loc="outside lower center", ncols=3, title="median, quartiles, fit")
    plots.save(figure, path)


def _draw_scope(axes: Axes, scope: Scope, verdict: Verdict, measurements: Sequence[Measurement]) -> None:
    marker, colour = _STYLES[scope]
    timings = {
        measurement.num_envs: timing
        for measurement in measurements
        if measurement.point and (timing := measurement.point.timing(scope)) is not None
    }
    middle = [1e3 * timing.median for timing in timings.values()]
    quartiles = [
        [1e3 * (timing.median - timing.low) for timing in timings.values()],
        [1e3 * (timing.high - timing.median) for timing in timings.values()],
    ]
    axes.errorbar(list(timings), middle, quartiles, fmt=marker, color=colour, capsize=3, label=scope)
    first, last = min(timings), max(timings)
    line = [first * (last / first) ** (index / 99) for index in range(100)]
    fitted = [1e3 * verdict.models[scope].predict(size) for size in line]
    axes.plot(line, fitted, "--", color=colour, linewidth=1.3)
