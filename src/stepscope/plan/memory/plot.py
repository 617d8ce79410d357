"""Plot of estimated memory against the number of environments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stepscope import plots
from stepscope._common.format import format_bytes
from stepscope.plan.memory._estimate import estimate_memory

if TYPE_CHECKING:
    from stepscope.plan.memory._estimate import MemoryEstimate
    from stepscope.plan.memory._libraries import Part

__all__ = ["draw"]

_STYLES: dict[Part, tuple[str, str]] = {
    "networks": (plots.COLOURS["fixed"], ":"),
    "rollout": (plots.COLOURS["per_env"], "--"),
    "update": (plots.INK, "-."),
}


def draw(estimate: MemoryEstimate, *, path: str) -> None:
    """Draw PyTorch's share against the number of environments, and write the figure."""
    training = estimate.training
    # Multiples of the minibatches, so that every rollout can be cut into them.
    sizes = [
        training.minibatches * max(1, training.num_envs * 2**k // 16 // training.minibatches)
        for k in range(8)
    ]
    curve = [estimate_memory(replace(training, num_envs=n)) for n in sorted({*sizes, training.num_envs})]
    title = f"{training.num_envs:,} environments: {format_bytes(estimate.torch_bytes)} by PyTorch"
    figure, axes = plots.figure(title=title, x="number of environments", y="memory (MiB)", log="xy")
    numbers = [point.training.num_envs for point in curve]
    for part, (colour, dash) in _STYLES.items():
        shares = [point.torch_bytes_of(part) / 2**20 for point in curve]
        if any(shares):  # of some libraries PyTorch holds no rollout
            axes.plot(numbers, shares, dash, color=colour, label=part)
    if estimate.host_bytes:
        shares = [point.host_bytes / 2**20 for point in curve]
        colour, dash = _STYLES["rollout"]
        axes.plot(numbers, shares, dash, color=colour, label="rollout, in the memory of the host")
    axes.plot(
        numbers,
        [point.torch_bytes / 2**20 for point in curve],
        "-",
        color=plots.INK,
        label="all of PyTorch",
    )
    axes.plot([training.num_envs], [estimate.torch_bytes / 2**20], "o", color=plots.COLOURS["per_env"])
    axes.legend(loc="upper left")
    plots.save(figure, path)
