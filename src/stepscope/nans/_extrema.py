"""A look at the rows since the last one: how small and how large their values are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from stepscope.nans._ring import Ring

__all__ = ["Arriving", "Look"]


class Arriving:
    """Numbers that are read when they have arrived; on a CPU they are there at once.

    Parameters
    ----------
    numbers
        Tensors of one number each; some may be on the host already.
    """

    def __init__(self, numbers: Sequence[Tensor]) -> None:
        self._numbers = numbers
        self._event: torch.cuda.Event | None = None
        device = next((number.device for number in numbers if number.is_cuda), None)
        if device is not None:
            together = torch.stack([number.double().to(device) for number in numbers])
            self._values = torch.empty(together.shape, dtype=together.dtype, pin_memory=True)
            self._values.copy_(together, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def is_there(self) -> bool:
        """Say whether reading would not wait."""
        return self._event is None or self._event.query()

    def read(self) -> list[float]:
        """Return the numbers; waits if they are not there."""
        if self._event is None:
            return [number.item() for number in self._numbers]
        self._event.synchronize()
        found: list[float] = self._values.tolist()
        return found


class Look:
    """The smallest and the largest value of each tensor, which on CUDA are on their way to the host.

    Parameters
    ----------
    ring
        Where the rows are.
    quiet
        Magnitude up to which a bound is as good as the value.

    Attributes
    ----------
    begin
        The first row that is looked at.
    """

    def __init__(self, ring: Ring, *, quiet: float) -> None:
        self.begin = ring.looked_at
        self._quiet = quiet
        self._parts = ring.to_look_at()
        self._numbers: Arriving | None = None
        if any(part.is_cuda for part in self._parts.values()):
            pairs = ((part.amin(), part.amax()) for part in self._parts.values())
            self._numbers = Arriving([number for pair in pairs for number in pair])

    def is_there(self) -> bool:
        """Say whether reading would not wait."""
        return self._numbers is None or self._numbers.is_there()

    def read(self) -> Iterator[tuple[str, float, float]]:
        """Yield the name of each tensor with its smallest and largest value; waits if they are not there."""
        if self._numbers is None:
            return ((name, *_extremes(part, self._quiet)) for name, part in self._parts.items())
        numbers = self._numbers.read()
        return zip(self._parts, numbers[::2], numbers[1::2], strict=True)


def _extremes(part: Tensor, quiet: float) -> tuple[float, float]:
    """Return the smallest and the largest value, or bounds of them where those are as good."""
    # No value is beyond the norm, which is not finite where one of them is not, and takes a single pass.
    norm = float(torch.linalg.vector_norm(part))
    if norm <= quiet:
        return -norm, norm
    return part.amin().item(), part.amax().item()
