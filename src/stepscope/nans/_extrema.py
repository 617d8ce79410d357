"""Extrema of the rows since the last check, read without waiting for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from stepscope.nans._ring import RingBuffer

__all__ = ["ExtremaCheck", "PendingScalars"]


class PendingScalars:
    """Scalars that are copied from the device to the host asynchronously; on a CPU they are ready at once.

    Parameters
    ----------
    scalars
        Tensors of one number each; some may be on the host already.
    """

    def __init__(self, scalars: Sequence[Tensor]) -> None:
        self._scalars = scalars
        self._event: torch.cuda.Event | None = None
        device = next((scalar.device for scalar in scalars if scalar.is_cuda), None)
        if device is not None:
            stacked = torch.stack([scalar.double().to(device) for scalar in scalars])
            self._host_copy = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
            self._host_copy.copy_(stacked, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def ready(self) -> bool:
        """Return whether `read` would not wait."""
        return self._event is None or self._event.query()

    def read(self) -> list[float]:
        """Return the numbers; waits until they are ready."""
        if self._event is None:
            return [scalar.item() for scalar in self._scalars]
        self._event.synchronize()
        return list(self._host_copy.tolist())


class ExtremaCheck:
    """Smallest and largest value of each tensor in the unchecked rows.

    Parameters
    ----------
    ring
        Buffer that holds the rows.
    fast_path_below
        Magnitude up to which a bound is as good as the value.

    Attributes
    ----------
    begin
        First row that is checked.
    """

    def __init__(self, ring: RingBuffer, *, fast_path_below: float) -> None:
        self.begin = ring.check_begin
        self._fast_path_below = fast_path_below
        self._tensors = ring.unchecked()
        self._extrema: PendingScalars | None = None
        if any(tensor.is_cuda for tensor in self._tensors.values()):
            pairs = ((tensor.amin(), tensor.amax()) for tensor in self._tensors.values())
            self._extrema = PendingScalars([scalar for pair in pairs for scalar in pair])

    def ready(self) -> bool:
        """Return whether `read` would not wait."""
        return self._extrema is None or self._extrema.ready()

    def read(self) -> Iterator[tuple[str, float, float]]:
        """Yield the name of each tensor with its smallest and largest value; waits until they are ready."""
        if self._extrema is None:
            return ((name, *self._bounds(tensor)) for name, tensor in self._tensors.items())
        extrema = self._extrema.read()
        return zip(self._tensors, extrema[::2], extrema[1::2], strict=True)

    def _bounds(self, tensor: Tensor) -> tuple[float, float]:
        """Return the smallest and the largest value, or bounds of them where those are as good."""
        # No value exceeds the norm, which takes a single pass and is not finite where one of the values is not.
        norm = float(torch.linalg.vector_norm(tensor))
        if norm <= self._fast_path_below:
            return -norm, norm
        return tensor.amin().item(), tensor.amax().item()
