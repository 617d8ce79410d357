"""Weights and gradients of networks that are watched beside the environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor
    from torch.nn import Module

__all__ = ["BadWeights", "BadWeightsError", "bad_weights"]


_Kind = Literal["weights", "gradient"]
_KINDS: tuple[_Kind, ...] = ("weights", "gradient")


@dataclass(frozen=True, kw_only=True)
class BadWeights:
    """A parameter, or its gradient, that is not finite.

    Attributes
    ----------
    network
        What the network was called when it was given to the recorder.
    parameter
        The first of its parameters that is bad, as ``named_parameters()`` calls it.
    what
        Whether the weights themselves are bad, or only their gradient.
    share
        Of the numbers of this parameter, those that are not finite.
    after
        The last vector step before it was seen.
    """

    network: str
    parameter: str
    what: _Kind
    share: float
    after: int

    def __str__(self) -> str:
        """Say it in two lines."""
        whose = "" if self.what == "weights" else "the gradient of "
        return (
            f"{whose}{self.parameter} of {self.network} is not finite ({100 * self.share:.0f} %), seen after step"
            f" {self.after:,}\nwhat the environment gave and was given until then is all right: look at the update"
        )


class BadWeightsError(FloatingPointError):
    """The weights of a network are not finite, and the environment is not to blame; `bad` says which."""

    def __init__(self, bad: BadWeights) -> None:
        super().__init__(str(bad))
        self.bad = bad


def bad_weights(networks: Mapping[str, Module], *, after: int) -> BadWeights | None:
    """Return the first parameter that is bad, weights before gradients; waits for the device."""
    for network, module in networks.items():
        for what in _KINDS:
            for parameter, values in _values(module, gradients=what == "gradient"):
                share = float((~values.isfinite()).float().mean())
                if share:
                    return BadWeights(
                        network=network, parameter=parameter, what=what, share=share, after=after
                    )
    return None


def _values(module: Module, *, gradients: bool) -> Iterator[tuple[str, Tensor]]:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            values = parameter.grad if gradients else parameter.detach()
            if values is not None and values.is_floating_point():
                yield name, values
