"""The last steps of all watched tensors, on their device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["History", "Ring", "Snapshot"]


@dataclass(frozen=True, kw_only=True)
class History:
    """What a ring held, in order, on the CPU.

    Attributes
    ----------
    steps
        (T,) int64, the number of each row's vector step. A row of a whole reset has the number of the step before it.
    resets
        (T,) bool, whether a row is that of a reset: it has no actions and no rewards.
    tensors
        Name to (T, N, columns), in the tensors' own type.
    """

    steps: Tensor
    resets: Tensor
    tensors: Mapping[str, Tensor]


class Ring:
    """Room for some rows, the oldest of which is written over.

    Parameters
    ----------
    rows
        How many.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.written = 0
        self._steps = [0] * rows
        self._resets = [False] * rows
        self._slots: dict[str, tuple[Tensor, ...]] = {}
        self._stored: dict[str, Tensor] = {}  # in one piece
        self._held: dict[str, Tensor] = {}  # the same as (rows, N, columns)

    @property
    def number_of_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(held.nbytes for held in self._held.values())

    def begin(self, step: int, *, reset: bool) -> int:
        """Begin a row; return its place."""
        place = self.written % self.rows
        self._steps[place], self._resets[place] = step, reset
        self.written += 1
        return place

    def put(self, place: int, name: str, value: Tensor) -> None:
        """Write a tensor, (N, columns), into a row; the first of each name makes the room."""
        slots = self._slots.get(name)
        if slots is None or slots[0].shape != value.shape:
            self._stored[name] = self._room_for(value)
            by_columns = self._stored[name].shape[1:] != value.shape
            self._held[name] = self._stored[name].transpose(1, 2) if by_columns else self._stored[name]
            slots = self._slots[name] = self._held[name].unbind(0)
        slots[place].copy_(value)

    def _room_for(self, value: Tensor) -> Tensor:
        """Make room for rows of such tensors, laid out as they are: a copy then needs no reordering.

        Zeros: rows of a reset have no actions, and what was never written must not look bad.
        """
        count, columns = value.shape
        by_columns = columns > 1 and count > 1 and value.stride() == (1, count)
        shape = (columns, count) if by_columns else (count, columns)
        return torch.zeros(self.rows, *shape, dtype=value.dtype, device=value.device)

    def blank(self, place: int, names: tuple[str, ...]) -> None:
        """Write zeros for what a row has not."""
        for name in names:
            if name in self._slots:
                self._slots[name][place].zero_()

    def part(self, name: str, begin: int, end: int) -> Tensor:
        """Return the rows of a tensor at these places in the ring's own memory, which may be laid out by columns."""
        return self._stored[name][begin:end]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all tensors, in the order in which they were written first."""
        return tuple(self._held)

    def history(self) -> History:
        """Copy all rows to the CPU, the oldest first; waits for the device."""
        count = min(self.written, self.rows)
        order = [(self.written - count + row) % self.rows for row in range(count)]
        return History(
            steps=torch.tensor([self._steps[place] for place in order], dtype=torch.int64),
            resets=torch.tensor([self._resets[place] for place in order], dtype=torch.bool),
            tensors={name: held[order].cpu() for name, held in self._held.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What an environment needs to go on from a step.

    Attributes
    ----------
    row
        How many rows had been begun when it was taken.
    step
        The vector step after which it was taken.
    tensors
        Name to (N, ...).
    """

    row: int
    step: int
    tensors: Mapping[str, Tensor]
