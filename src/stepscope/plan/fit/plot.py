"""The line of a fit as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import pyplot as plt

from stepscope import plots
from stepscope._common import printable
from stepscope._common.format import format_bytes
from stepscope.plan.fit._capacity import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from stepscope.plan._probe import Probe
    from stepscope.plan._target import Target
    from stepscope.plan.fit._capacity import Fit

__all__ = ["draw"]

_POINTS = 200
_LONGEST = 80  # characters of a target in a title


def draw(made: Fit, verified: Sequence[Probe], *, target: Target, path: str) -> None:
    """Draw the memory that limits a target against its number of environments, and write the figure."""
    memory = made.bound_by
    budget = made.budgets[memory]
    title = "No limit can be told" if made.largest is None else f"No environment of {_named(target)} fits"
    if made.largest:
        title = f"{made.largest:,} environments fit"
    name = "host memory" if memory == "host" else "GPU memory"
    figure, axes = plots.figure(title=title, x="number of environments", y=f"{name} (GiB)", log="x")
    good = [each for each in made.probes if each.outcome.ok]
    _dots(
        axes,
        [(each.num_envs, _taken(each, memory)) for each in good],
        "o",
        plots.COLOURS["per_env"],
        "probes",
    )
    _dots(
        axes, [(e.num_envs, _taken(e, memory)) for e in verified if fits(made, e)], "s", plots.INK, "verified"
    )
    _dots(axes, [(e.num_envs, _taken(e, memory)) for e in verified if not fits(made, e)], "x", plots.COLOURS["failure"], "does not fit")  # fmt: skip
    if (model := made.models.get(memory)) is not None:
        sizes = [*(each.num_envs for each in (*made.probes, *verified)), made.largest or 1]
        low, high = min(sizes), 1.1 * max(sizes)
        line = [low * (high / low) ** (i / _POINTS) for i in range(_POINTS + 1)]
        axes.plot(
            line,
            [model.predict(n) / 2**30 for n in line],
            "--",
            color=plots.COLOURS["per_env"],
            label="a + b N",
        )
        axes.axhline(
            model.fixed_bytes / 2**30, color=plots.COLOURS["fixed"], linestyle=":", label="fixed part a"
        )
    axes.axhline(budget / 2**30, color=plots.COLOURS["failure"], label=f"budget, {format_bytes(budget)}")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    figure.savefig(Path(path), facecolor="white", transparent=False)
    plt.close(figure)


def _named(target: Target) -> str:
    """Return a target as a title may show it: between two dollar signs would stand a formula."""
    return printable(str(target), limit=_LONGEST).replace("$", r"\$")


def _taken(each: Probe, memory: str) -> int:
    return each.host_bytes if memory == "host" else each.device_bytes or 0


def _dots(axes: Axes, points: Sequence[tuple[int, int]], marker: str, colour: str, label: str) -> None:
    if points:
        axes.plot(
            [n for n, _ in points], [size / 2**30 for _, size in points], marker, color=colour, label=label
        )
