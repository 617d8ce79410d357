"""The smallest and the largest value of what was recorded, looked at without a wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["Extremes"]


class Extremes:
    """The smallest and largest value of some tensors, which on CUDA are on their way to the host."""

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        self._pairs = {name: torch.aminmax(part) for name, part in parts.items()}
        self._event: torch.cuda.Event | None = None
        first = next(iter(parts.values()), None)
        if first is not None and first.device.type == "cuda":
            together = torch.stack([torch.stack(pair).double() for pair in self._pairs.values()])
            self._values = torch.empty(together.shape, dtype=together.dtype, pin_memory=True)
            self._values.copy_(together, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()

    def is_there(self) -> bool:
        """Say whether reading would not wait."""
        return self._event is None or self._event.query()

    def read(self) -> dict[str, tuple[float, float]]:
        """Return the extremes by name; waits if they are not there."""
        if self._event is None:
            return {name: (low.item(), high.item()) for name, (low, high) in self._pairs.items()}
        self._event.synchronize()
        return {
            name: (low, high) for name, (low, high) in zip(self._pairs, self._values.tolist(), strict=True)
        }
