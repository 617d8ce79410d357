"""Figure of a run: rates, shares of time, rewards."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator, PercentFormatter

from stepscope._common.format import format_number, format_rate
from stepscope.export._series import drawable
from stepscope.plots import COLOURS, INK, MUTED, figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from stepscope._common.downsampling import Downsampler
    from stepscope.export._series import RunSeries
    from stepscope.runs import MetricTrend, Rate, RunSummary

    Runs = Sequence[tuple[RunSeries, RunSummary]]

__all__ = ["draw"]

_PANEL = 2.9  # inches
_TITLE = 44  # characters in a line; the names of the curves need space on the right
_THOUSANDS = "{x:,.10g}"
_STYLES = {"step": ":", "rollout": "--", "total": "-", "cumulative": "-.", "bar": "-"}


def draw(series: Sequence[RunSeries], summaries: Sequence[RunSummary]) -> Figure | None:
    """Return the figure, one panel a question; None if nothing that was printed answers any.

    Parameters
    ----------
    series, summaries
        The runs of a log, in order.
    """
    runs = list(zip(series, summaries, strict=True))
    panels = [panel for panel in (_speed(runs), _time(runs), _reward(runs)) if panel is not None]
    if not panels:
        return None
    axis = next((run.axis for run, _ in runs if run.rates or run.reward.x), "iteration")
    drawn, first = figure(title=panels[0].title, x=axis, y=panels[0].y, log="y" if panels[0].log else "")
    drawn.set_size_inches(6.4, 1 + _PANEL * len(panels))
    grid = GridSpec(len(panels), 1, figure=drawn)
    first.set_subplotspec(grid[0])
    for index, panel in enumerate(panels):
        axes = first if index == 0 else drawn.add_subplot(grid[index], sharex=first)
        last = index == len(panels) - 1
        axes.set(ylabel=panel.y, xlabel=axis if last else "")
        axes.tick_params(labelbottom=last)
        axes.xaxis.set_major_formatter(_THOUSANDS)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        axes.set_title(textwrap.fill(panel.title, _TITLE))
        panel.fill(axes)
        _mark_failures(axes, runs, named=index == 0)
    low, high = first.dataLim.intervalx
    if low == high:  # a single point lies in the middle, between whole numbers
        first.set_xlim(low - 1, high + 1)
    return drawn


class Panel(NamedTuple):
    """A question: its answer, the vertical axis, and a function that draws it."""

    title: str
    y: str
    fill: Callable[[Axes], None]
    log: bool = False


def _speed(runs: Runs) -> Panel | None:
    main = [rate for _, summary in runs if (rate := summary.main_rate) is not None]
    if not main:
        return None
    several = len({name for run, _ in runs for name in run.rates}) > 1

    def fill(axes: Axes) -> None:
        for run, summary in runs:
            _curves(axes, run)
            warm = next((rate.warm for rate in summary.rates if rate.scope == "total" and rate.warm), None)
            if warm is not None and len(runs) == 1 and drawable(0, warm.low) and drawable(0, warm.high):
                axes.axhspan(warm.low, warm.high, color=MUTED, alpha=0.25, linewidth=0)
        axes.yaxis.set_major_formatter(_THOUSANDS)
        if several:
            _name_curves(axes, {name: points for run, _ in runs for name, points in run.rates.items()})
        else:
            axes.set_ylim(bottom=0)

    return Panel(_speed_title(main), main[0].unit.replace("env", "environment"), fill, log=several)


def _curves(axes: Axes, run: RunSeries) -> None:
    colour = COLOURS.get(run.library, INK)
    for name, points in run.rates.items():
        style = _STYLES[name.partition(",")[0]]
        axes.plot(points.x, points.y, style, color=colour, marker=_dot(points.x))
        axes.fill_between(points.x, points.low, points.high, color=colour, alpha=0.2, linewidth=0)


def _name_curves(axes: Axes, curves: dict[str, Downsampler]) -> None:
    """Write the names of curves next to their ends, none on top of another."""
    bottom, top = axes.get_ylim()
    places = sorted(
        (math.log(points.y[-1] / bottom) / math.log(top / bottom), name)
        for name, points in curves.items()
        if points.y
    )
    lowest = -1.0
    for place, name in places:
        lowest = max(place, lowest + 0.085)
        axes.text(1.015, lowest, name, fontsize=9.5, va="center", transform=axes.transAxes)


def _speed_title(rates: Sequence[Rate]) -> str:
    typical = [rate.typical for rate in rates]
    unit = rates[0].unit.replace("env steps/s", "environment steps per second").replace("/s", " per second")
    if len(rates) > 1:
        return f"{len(rates)} runs: {format_rate(min(typical))} to {format_rate(max(typical))} {unit}"
    [rate] = rates
    if rate.scope == "cumulative":
        return f"{format_rate(rate.last)} {unit} since training began"
    if rate.scope == "bar":
        return f"The progress bar shows {format_rate(typical[0])} {unit}"
    subject = "The only iteration" if rate.warm is None else "A typical iteration"
    return f"{subject} makes {format_rate(typical[0])} {unit}"


def _time(runs: Runs) -> Panel | None:
    timed = [(run, summary.time) for run, summary in runs if run.collect.x and summary.time is not None]
    if not timed:
        return None
    run, time = max(timed, key=lambda pair: len(pair[0].collect.x))
    # Logs of two libraries in one run may tell stepping apart in some iterations and not in others.
    split = time.step is not None and len(run.step.x) == len(run.collect.x)
    rollout = {"stepping": time.step or 0.0, "inference": time.inference or 0.0}
    shares = {**(rollout if split else {"the rollout": time.collect}), "learning": time.learn}
    largest = max(shares, key=lambda name: shares[name])

    def fill(axes: Axes) -> None:
        colour, x = COLOURS.get(run.library, INK), run.collect.x
        zero, one = [0.0] * len(x), [1.0] * len(x)
        levels = [zero, *([run.step.y] if split else []), run.collect.y, one]
        for name, low, high, alpha in zip(shares, levels, levels[1:], (0.9, 0.55, 0.2), strict=False):
            axes.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0)
            middle, place = (low[-1] + high[-1]) / 2, axes.get_yaxis_transform()
            axes.text(
                1.015, middle, f"{name}\n{shares[name]:.0%}", fontsize=9.5, va="center", transform=place
            )
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1))

    return Panel(f"{largest.capitalize()} takes {shares[largest]:.0%} of the time", "share of the time", fill)


def _reward(runs: Runs) -> Panel | None:
    trends = [trend for _, summary in runs if (trend := summary.reward or summary.best_reward) is not None]
    if not trends or not any(run.reward.x for run, _ in runs):
        return None
    announced = any(run.announced for run, _ in runs)

    def fill(axes: Axes) -> None:
        for run, _ in runs:
            style = "steps-post" if run.announced else "default"
            colour, points = COLOURS.get(run.library, INK), run.reward
            axes.plot(points.x, points.y, color=colour, drawstyle=style, marker=_dot(points.x))
            axes.fill_between(points.x, points.low, points.high, color=colour, alpha=0.2, linewidth=0)

    label = "best reward so far" if announced else "mean of recent episodes"
    return Panel(_reward_title(trends, announced=announced), label, fill)


def _reward_title(trends: Sequence[MetricTrend], *, announced: bool) -> str:
    trend = trends[-1]
    name = "best reward" if announced else "reward"
    first, last = format_number(trend.first), format_number(trend.last)
    if len(trends) > 1:
        return f"The {name} of the last run ends at {last}"
    if first == last:
        return f"The {name} {'is' if trend.count == 1 else 'ends where it began, at'} {last}"
    if trend.first != trend.first or trend.last != trend.last:
        return f"The {name} is not a number"
    return f"The {name} {'rises' if trend.last > trend.first else 'falls'} from {first} to {last}"


def _dot(points: Sequence[float]) -> str:
    """Return the marker of a curve: a single point has no line to be seen by."""
    return "o" if len(points) == 1 else ""


def _mark_failures(axes: Axes, runs: Runs, *, named: bool) -> None:
    for _, summary in runs:
        if summary.failure is None or (at := summary.failure.place.after) is None or not drawable(at):
            continue
        axes.axvline(at, color=COLOURS["failure"], linewidth=1.5)
        if named:
            place = axes.get_xaxis_transform()
            axes.text(
                at,
                0.99,
                "failed ",
                color=COLOURS["failure"],
                fontsize=9.5,
                va="top",
                ha="right",
                transform=place,
            )
