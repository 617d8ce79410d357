"""Plot of a capacity estimate: memory against the number of environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope import plots
from stepscope._common import printable
from stepscope._common.format import format_bytes
from stepscope.plan.fit._capacity import within_budget
from stepscope.plan.fit._report import MEMORY_LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepscope.plan._probe import Probe
    from stepscope.plan._target import Target
    from stepscope.plan.fit._capacity import Capacity

__all__ = ["draw"]

_POINTS = 200
_LONGEST = 80  # characters of a target in a title


def draw(capacity: Capacity, verified: Sequence[Probe], *, target: Target, path: str) -> None:
    """Draw the memory that limits a target against its number of environments, and write the figure."""
    memory = capacity.limited_by
    budget = capacity.budgets[memory]
    figure, axes = plots.figure(
        title=_title(capacity, target),
        x="number of environments",
        y=f"{MEMORY_LABELS[memory]} (GiB)",
        log="x",
    )
    within = [within_budget(probe, capacity.budgets) for probe in verified]
    for probes, marker, colour, label in (
        (capacity.succeeded, "o", plots.COLOURS["per_env"], "probes"),
        ([probe for probe, fits in zip(verified, within, strict=True) if fits], "s", plots.INK, "verified"),
        (
            [probe for probe, fits in zip(verified, within, strict=True) if not fits],
            "x",
            plots.COLOURS["failure"],
            "does not fit",
        ),
    ):
        if probes:
            sizes = [probe.num_envs for probe in probes]
            gibibytes = [probe.bytes_of(memory) / 2**30 for probe in probes]
            axes.plot(sizes, gibibytes, marker, color=colour, label=label)
    if (model := capacity.models.get(memory)) is not None:
        sizes = [*(probe.num_envs for probe in (*capacity.probes, *verified)), capacity.largest or 1]
        low, high = min(sizes), 1.1 * max(sizes)
        line = [low * (high / low) ** (i / _POINTS) for i in range(_POINTS + 1)]
        fitted = [model.predict(n) / 2**30 for n in line]
        axes.plot(line, fitted, "--", color=plots.COLOURS["per_env"], label="a + b N")
        axes.axhline(
            model.fixed_bytes / 2**30, color=plots.COLOURS["fixed"], linestyle=":", label="fixed part a"
        )
    axes.axhline(budget / 2**30, color=plots.COLOURS["failure"], label=f"budget, {format_bytes(budget)}")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    plots.save(figure, path)


def _title(capacity: Capacity, target: Target) -> str:
    if capacity.largest:
        return f"{capacity.largest:,} environments fit"
    if capacity.largest is None:
        return "The runs show no limit"
    name = printable(str(target), limit=_LONGEST).replace(
        "$", r"\$"
    )  # between two $ there would be a formula
    return f"No environment of {name} fits"
