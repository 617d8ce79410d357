"""Memory of automatic differentiation: a forward pass recorded, its backward pass simulated.

Each operation keeps tensors until its own gradient has been computed (PyTorch's ``derivatives.yaml`` shows which): a
linear layer or a convolution its input, ELU its input, tanh and ReLU their result. Going backwards, the gradient of
an input is made while the one of the result is still there; then what was kept is given back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

__all__ = ["Tape"]

# From the profiler's record of oneDNN on a CPU.
_UNBLOCKED, _BLOCK = 3, 8


@dataclass(frozen=True, kw_only=True)
class _Step:
    source: int
    result: int
    kept: int | None  # the tensor that is kept for its gradient; a copy keeps none
    weights: int
    spare: int  # further numbers that its own backward pass holds


class Tape:
    """The operations of a forward pass, for one sample; tensors are known by their numbers, and 0 is the input."""

    def __init__(self, inputs: int) -> None:
        self._sizes = [inputs]
        self._steps: list[_Step] = []

    @property
    def weights(self) -> int:
        """Parameters of all layers."""
        return sum(step.weights for step in self._steps)

    @property
    def largest(self) -> int:
        """Parameters of the largest layer."""
        return max(step.weights for step in self._steps)

    @property
    def kept(self) -> int:
        """Numbers kept for each sample until the backward pass, without the input."""
        return sum(self._sizes[tensor] for tensor in {step.kept for step in self._steps if step.kept})

    def size(self, tensor: int) -> int:
        """Return how many numbers a tensor has for each sample."""
        return self._sizes[tensor]

    def linear(self, source: int, outputs: int) -> int:
        """Record a fully connected layer; return its result."""
        return self._record(source, outputs, weights=(self._sizes[source] + 1) * outputs)

    def convolution(self, source: int, outputs: int, *, weights: int, channels: int) -> int:
        """Record a convolution of so many channels; return its result.

        On a CPU its backward pass copies gradients and inputs into blocks of 8 channels, unless there are at most 3.
        """
        size = self._sizes[source]
        blocks = 0 if channels <= _UNBLOCKED else -(-channels // _BLOCK) * _BLOCK * size // channels
        spare = 2 * size if source else outputs + blocks
        return self._record(source, outputs, weights=weights, spare=spare)

    def elu(self, source: int) -> int:
        """Record an ELU, which keeps its input; return its result."""
        return self._record(source, self._sizes[source])

    def tanh(self, source: int) -> int:
        """Record a tanh or a ReLU, which keep their result; return it."""
        return self._record(source, self._sizes[source], keeps_result=True)

    def copy(self, source: int) -> int:
        """Record a copy, which keeps nothing, and whose gradient is that of its source; return its result."""
        result = self._record(source, self._sizes[source])
        self._steps[-1] = replace(self._steps[-1], kept=None)
        return result

    def _record(
        self, source: int, outputs: int, *, weights: int = 0, spare: int = 0, keeps_result: bool = False
    ) -> int:
        result = len(self._sizes)
        self._sizes.append(outputs)
        kept = result if keeps_result else source
        self._steps.append(_Step(source=source, result=result, kept=kept, weights=weights, spare=spare))
        return result

    def backward(self, samples: int, outputs: tuple[int, ...]) -> int:
        """Return the largest count of numbers held at once in a backward pass, kept ones and gradients.

        Parameters
        ----------
        samples
            Samples in the minibatch.
        outputs
            The tensors in which it begins.
        """
        holders = Counter(step.kept for step in self._steps)
        gradients = set(outputs)
        live = samples * (self.kept + sum(self._sizes[tensor] for tensor in outputs))
        peak = live
        for step in reversed(self._steps):
            if step.kept is None:
                gradients.add(step.source)
                gradients.discard(step.result)
                continue
            gradient = samples * self._sizes[step.source] if step.source else 0
            live += gradient + step.weights
            peak = max(peak, live + samples * step.spare)
            if step.source in gradients:
                live -= gradient  # it is added to the gradient that is there already
            elif step.source:
                gradients.add(step.source)
            holders[step.kept] -= 1
            if step.kept and not holders[step.kept]:
                live -= samples * self._sizes[step.kept]
            gradients.discard(step.result)
            live -= samples * self._sizes[step.result]
        return peak
