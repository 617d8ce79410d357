"""Figure of several runs: mean reward against seconds and against environment steps."""

from __future__ import annotations

import math
import textwrap
from bisect import bisect_right
from typing import TYPE_CHECKING

from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator

from stepscope._common.format import format_list, format_number, format_seconds
from stepscope.plots import COLOURS, INK, MUTED, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from stepscope._common.downsampling import Downsampler
    from stepscope.runs import LearningCurve, RunSummary

    Runs = Sequence[tuple[str, RunSummary, LearningCurve]]

__all__ = ["MOST_CURVES", "draw"]

MOST_CURVES = 12
"""Curves that one figure draws: more are a tangle."""

_STYLES = ("-", "--", ":", "-.")
_TITLE = 44  # characters in a line


def draw(runs: Runs) -> Figure | None:
    """Return the figure, one panel for seconds and one for environment steps; None if no run has a curve.

    Parameters
    ----------
    runs
        Each with its name and its learning curve.
    """
    runs = [run for run in runs if run[2].first is not None][:MOST_CURVES]
    if not runs:
        return None
    y = "mean reward of recent episodes"
    drawn, first = figure(title="", x="seconds of training", y=y)
    drawn.set_size_inches(5.4, 7.2)  # readable on a phone
    grid = GridSpec(2, 1, figure=drawn)
    first.set_subplotspec(grid[0])
    second = drawn.add_subplot(grid[1], sharey=first)
    second.set(xlabel="environment steps", ylabel=y)
    for axes, name in ((first, "seconds"), (second, "env_steps")):
        axes.set_title(textwrap.fill(_title(runs, name), _TITLE))
        axes.xaxis.set_major_formatter("{x:,.10g}")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        _draw_curves(axes, runs, name)
    first.legend(fontsize=10, loc="best")
    return drawn


def _draw_curves(axes: Axes, runs: Runs, axis: str) -> None:
    drawn: dict[str, int] = {}
    for name, summary, curve in runs:
        library = next(iter(summary.libraries), ("", None))[0]
        style = _STYLES[drawn.get(library, 0) % len(_STYLES)]
        drawn[library] = drawn.get(library, 0) + 1
        colour, points = COLOURS.get(library, INK), _points(curve, axis)
        axes.plot(
            points.x,
            points.y,
            style,
            color=colour,
            drawstyle="steps-post" if curve.announced else "default",
            marker="o" if len(points.x) == 1 else "",
            label=f"{name} (best so far)" if curve.announced else name,
        )
        if curve.reached is not None:
            axes.plot(getattr(curve.reached, axis), curve.reached.reward, "o", color=colour)
    until = runs[0][2].until
    if until is not None:
        axes.axhline(until, color=MUTED, linewidth=1)
    axes.set_xlim(left=0)


def _points(curve: LearningCurve, axis: str) -> Downsampler:
    return curve.by_seconds if axis == "seconds" else curve.by_env_steps


def _title(runs: Runs, axis: str) -> str:
    """Return the answer: which run is first at the reward that is looked for, or ahead where the shortest one ends."""
    until = runs[0][2].until
    if until is None:
        return _title_at_end(runs, axis)
    reached = sorted(
        (getattr(curve.reached, axis), name) for name, _, curve in runs if curve.reached is not None
    )
    if not reached:
        return f"No run reaches a mean reward of {format_number(until)}"
    least = reached[0][0]
    winners = [name for value, name in reached if value == least]
    reward, amount = format_number(until), _amount(least, axis)
    if len(winners) == len(runs):
        return f"All reach a mean reward of {reward} after {amount}"
    first = "is first at" if len(winners) == 1 else "are first at"
    return f"{format_list(winners)} {first} a mean reward of {reward}, after {amount}"


def _title_at_end(runs: Runs, axis: str) -> str:
    last = [getattr(curve.last, axis) for _, _, curve in runs if curve.last is not None]
    end = min(last)
    rewards = {}
    for name, _, curve in runs:
        points = _points(curve, axis)
        if at := bisect_right(points.x, end):
            rewards[name] = points.y[at - 1]
    best = max((reward for reward in rewards.values() if not math.isnan(reward)), default=None)
    if best is None or len(runs) == 1:
        return f"The mean reward against {'time' if axis == 'seconds' else 'samples'}"
    winners = [name for name, reward in rewards.items() if reward == best]
    lead = "lead" if len(winners) > 1 else "leads"
    return f"After {_amount(end, axis)} {format_list(winners)} {lead} with a mean reward of {format_number(best)}"


def _amount(value: float, axis: str) -> str:
    return format_seconds(value) if axis == "seconds" else f"{value:,.0f} environment steps"
