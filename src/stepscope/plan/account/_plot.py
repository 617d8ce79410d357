"""An account against the number of environments, as a figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import pyplot as plt

from stepscope import plots
from stepscope.measure._fate import in_units
from stepscope.plan.account._account import account

if TYPE_CHECKING:
    from stepscope.plan.account._account import Account

__all__ = ["draw"]

_NETWORKS = ("weights", "Adam")
_UPDATE = ("activations", "gradients, loss", "minibatch", "network input")
_LOOKS = {
    "networks": (plots.COLOURS["fixed"], ":"),
    "rollout and its copies": (plots.COLOURS["per_env"], "--"),
    "update": (plots.INK, "-."),
    "all of it": (plots.INK, "-"),
}


def draw(found: Account, *, path: str) -> None:
    """Draw PyTorch's share against the number of environments, and write the figure."""
    training = found.training
    # Multiples of the minibatches, so that every rollout can be cut into them.
    sizes = [
        training.minibatches * max(1, training.num_envs * 2**k // 16 // training.minibatches)
        for k in range(8)
    ]
    accounts = [account(replace(training, num_envs=n)) for n in sorted({*sizes, training.num_envs})]
    title = f"{training.num_envs:,} environments: {in_units(found.torch_bytes)} by PyTorch"
    figure, axes = plots.figure(title=title, x="number of environments", y="memory (MiB)", log="xy")
    for name, (colour, dash) in _LOOKS.items():
        axes.plot(
            [each.training.num_envs for each in accounts],
            [_share(each, name) / 2**20 for each in accounts],
            dash,
            color=colour,
            label=name,
        )
    axes.plot([training.num_envs], [found.torch_bytes / 2**20], "o", color=plots.COLOURS["per_env"])
    axes.legend(loc="upper left")
    figure.savefig(Path(path), facecolor="white", transparent=False)
    plt.close(figure)


def _share(found: Account, name: str) -> int:
    held = {item.name: item.number_of_bytes for item in found.items if item.place == "torch"}
    if name == "all of it":
        return found.torch_bytes
    if name == "networks":
        return sum(held[part] for part in _NETWORKS)
    update = sum(held.get(part, 0) for part in _UPDATE)
    return update if name == "update" else found.torch_bytes - update - sum(held[part] for part in _NETWORKS)
