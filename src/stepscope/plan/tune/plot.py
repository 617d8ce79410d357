"""Plot of a search: what each trial came to, and the finals with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope import plots
from stepscope._common.format import format_number
from stepscope.plan.tune._space import format_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.plan.tune._report import Finalist, Tuning
    from stepscope.plan.tune._space import Dimension
    from stepscope.plan.tune._study import Tried

__all__ = ["draw"]

_WIDE = 8.0  # times the smallest value: from here on an axis is logarithmic
_TICKS = 8  # values that are named one by one


def draw(tuning: Tuning, *, path: str) -> None:
    """Draw time or reward against the placeholder that is searched first, and write the figure."""
    task = tuning.task
    dimension = _main_dimension(tuning)
    shown = [
        one for one in tuning.tried if _height(tuning, one) is not None or one.outcome.status == "time over"
    ]
    values = [value for one in shown if isinstance(value := one.values[dimension.name], int | float)]
    is_wide = bool(values) and min(values) > 0 and max(values) >= _WIDE * min(values)
    until = task.until
    figure, axes = plots.figure(
        title=_title(tuning),
        x=dimension.name,
        y="mean reward over a trial" if until is None else f"seconds to a reward of {format_number(until)}",
        log="x" if is_wide else "",
    )
    heights: dict[str, list[tuple[object, float]]] = {"trial": [], "not reached": []}
    for one in shown:
        height = _height(tuning, one)
        place = one.values[dimension.name]
        heights["not reached" if height is None else "trial"].append((place, height or task.trial_seconds))
    for label, marker, colour in (
        ("trial", "o", plots.MUTED),
        ("not reached", "^", plots.COLOURS["failure"]),
    ):
        if heights[label]:
            axes.plot(*zip(*heights[label], strict=True), marker, color=colour, label=label)
    _draw_finals(axes, tuning, dimension)
    if values and len(ticks := sorted(set(values))) <= _TICKS:
        axes.set_xticks(ticks, [f"{value:,}" for value in ticks])
    if until is not None or all(height >= 0 for _, height in heights["trial"]):
        axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    plots.save(figure, path)


def _main_dimension(tuning: Tuning) -> Dimension:
    dimensions: Sequence[Dimension] = tuning.task.space.dimensions
    return next((dimension for dimension in dimensions if dimension.is_ordered), dimensions[0])


def _height(tuning: Tuning, one: Tried) -> float | None:
    if tuning.task.until is None:
        return one.outcome.mean_reward if one.outcome.ok else None
    return one.outcome.seconds if one.outcome.status == "reached" else None


def _draw_finals(axes: object, tuning: Tuning, dimension: Dimension) -> None:
    sign = -1.0 if tuning.task.until is None else 1.0
    for index, finalist in enumerate(tuning.finalists):
        interval = finalist.interval
        ends = sorted((sign * interval.low, sign * interval.high))
        mean = sign * interval.mean
        finite = all(abs(end) < float("inf") for end in ends)
        others = {name: value for name, value in finalist.values.items() if name != dimension.name}
        axes.annotate(  # type: ignore[attr-defined] # matplotlib has no types here
            format_values(others),
            (finalist.values[dimension.name], mean),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
        axes.errorbar(  # type: ignore[attr-defined] # the same
            finalist.values[dimension.name],
            mean,
            yerr=[[mean - ends[0]], [ends[1] - mean]] if finite else None,
            fmt="s",
            capsize=4,
            color=plots.COLOURS["per_env"],
            label=None if index else "finals, mean of fresh seeds with 95 % interval",
        )


def _title(tuning: Tuning) -> str:
    def name(finalist: Finalist) -> str:
        return format_values(finalist.values).replace("$", r"\$")

    if tuning.recommended is not None:
        return f"{name(tuning.recommended)} is the best"
    if tuning.tied:
        return f"{len(tuning.tied)} settings are not distinguishable"
    return "No setting was run with fresh seeds"
