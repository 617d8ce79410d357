"""Numbers on their way from the device to the host, read without a wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Arriving"]


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
