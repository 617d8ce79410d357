"""The last steps of all watched tensors, on their device: the latest as they are, older ones in half the room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from stepscope.errors import BadInputError
from stepscope.nans._flatten import name_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

__all__ = ["EXACT", "History", "Ring", "Size", "Snapshot"]

EXACT = ("actions", "done")
"""Tensors, or groups of them, that are never rounded: a replay steps with the actions."""

_LATE = 2  # looks by which a finding may be late on CUDA


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
    present
        Name to (T,) bool, whether a tensor was there in a row; where it was not, its values are 0.
    shapes
        Name to the shape of what one environment has of a tensor; its columns are those numbers in one row.
    exact_from
        The first row in which all is as it was; in those before, what was float32 went through bfloat16, which keeps
        its range and 8 of its 24 bits of precision. Actions are exact in all.
    """

    steps: Tensor
    resets: Tensor
    tensors: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    shapes: Mapping[str, tuple[int, ...]]
    exact_from: int = 0


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many rows a ring has.

    Attributes
    ----------
    every
        Rows between two looks.
    looks
        For how many looks rows are kept.
    late
        By how many looks a finding may be late, for which there are as many rows more.
    """

    every: int
    looks: int
    late: int

    @classmethod
    def of(cls, *, steps: int, every: int, cuda: bool) -> Size:
        """Return the size that keeps so many steps, whenever what is wrong in the last of them is found."""
        return cls(every=every, looks=-(-steps // every), late=_LATE if cuda else 0)

    @property
    def rows(self) -> int:
        """All of them."""
        return (self.looks + self.late) * self.every

    @property
    def recent(self) -> int:
        """Rows that are kept as they are: those that were not looked at yet, and as many before them."""
        return (min(self.looks, 2) + self.late) * self.every

    @property
    def older(self) -> int:
        """Rows before those, in half the room."""
        return self.rows - self.recent

    @property
    def between_snapshots(self) -> int:
        """Rows between two snapshots: half of what is kept, so that one is from before what is found."""
        return max(1, self.looks // 2) * self.every

    @property
    def snapshots(self) -> int:
        """How many of them are held at most, while nothing is reset."""
        return (self.rows - (self.every if self.older else 0)) // self.between_snapshots + 1

    def number_of_bytes(self, name: str, dtype: torch.dtype, numbers: int) -> int:
        """Return the bytes of all rows of a tensor with so many numbers."""
        recent, older = self.split(name, dtype)
        return numbers * (recent * dtype.itemsize + older * torch.bfloat16.itemsize)

    def split(self, name: str, dtype: torch.dtype) -> tuple[int, int]:
        """Return how many rows of a tensor are kept as they are, and how many in half the room."""
        rounded = dtype == torch.float32 and name_parts(name).kind not in EXACT
        return (self.recent, self.older) if rounded else (self.rows, 0)


class _Track:
    """The rows of one tensor."""

    def __init__(self, name: str, value: Tensor, size: Size) -> None:
        recent, older = size.split(name, value.dtype)
        self.shape, self.dtype = value.shape, value.dtype
        # Laid out as the tensor is: a copy then needs no reordering.
        by_columns = value.dim() > 1 and not value.is_contiguous() and value.mT.is_contiguous()
        shape = value.mT.shape if by_columns else value.shape
        # An inference tensor could not be written to outside of inference mode. Zeros: what was never written must not
        # look bad.
        with torch.inference_mode(mode=False):
            self.stored = torch.zeros(recent, *shape, dtype=value.dtype, device=value.device)
            self._older = torch.zeros(older, *shape, dtype=torch.bfloat16, device=value.device)
        self._by_columns = by_columns
        self.next = 0  # the row after the last that was written
        self.gaps: list[tuple[int, int]] = []  # ranges of rows that were not
        self.is_looked_at = name != "done" and value.is_floating_point() and value.numel() > 0
        self.slots = tuple(row.mT if by_columns else row for row in self.stored.unbind(0))

    @property
    def number_of_bytes(self) -> int:
        return self.stored.nbytes + self._older.nbytes

    def is_gone(self, first: int) -> bool:
        """Whether none of the rows from one on was written."""
        return self.next <= first

    def forget(self, first: int) -> None:
        """Forget what was not written before a row."""
        if self.gaps:
            self.gaps = [gap for gap in self.gaps if gap[1] > first]

    def keep(self, written: int, size: Size) -> None:
        """Round what will be written over next."""
        leaving = written - size.recent
        if len(self._older) and leaving >= 0:
            begin, place = leaving % size.recent, leaving % size.older
            self._older[place : place + size.every].copy_(self.stored[begin : begin + size.every])

    def rows(self, first: int, end: int) -> Tensor:
        """Return these rows as (T, N, columns) on the CPU, in the tensor's own type."""
        recent = len(self.stored)
        exact = max(first, end - recent)
        # On the CPU: where memory of the device is short there is none for another copy.
        parts = [self.stored.cpu()[[row % recent for row in range(exact, end)]]]
        if exact > first:
            places = [row % len(self._older) for row in range(first, exact)]
            parts.insert(0, self._older.cpu()[places].to(self.dtype))
        together = torch.cat(parts)
        together = together.mT if self._by_columns else together
        together = together.reshape(end - first, self.shape[0], math.prod(self.shape[1:]))
        together[~self.present(first, end)] = 0  # what is there is from a turn before
        return together

    def present(self, first: int, end: int) -> Tensor:
        """Return (T,) bool, which of these rows were written."""
        present = torch.ones(end - first, dtype=torch.bool, device="cpu")
        for begin, stop in (*self.gaps, (self.next, end)):
            present[max(0, begin - first) : max(0, stop - first)] = False
        return present


class Ring:
    """Room for some rows, the oldest of which is written over.

    Parameters
    ----------
    steps
        How many of the last vector steps are there at a look; between two there are up to `every` fewer.
    every
        Rows between two looks.
    num_envs
        How many environments there are; None is as many as the first tensor has rows.

    Attributes
    ----------
    num_envs
        How many there are, or None as long as that is not known.
    left_out
        Name to the shape of what is not kept, because it does not have a row for each environment.
    is_on_cuda
        Whether its tensors are on a GPU.
    is_open
        Whether more comes into the last row; who writes it says so.
    """

    def __init__(self, *, steps: int, every: int, num_envs: int | None = None) -> None:
        self.written = 0
        self.size = Size.of(steps=steps, every=every, cuda=False)
        self.left_out: dict[str, tuple[int, ...]] = {}
        self.is_on_cuda = self.is_open = False
        self._seen = 0  # rows that had been written at the last look
        self._given, self.num_envs = steps, num_envs
        self._kept_from = 0
        self._steps: list[int] = []
        self._resets: list[bool] = []
        self._tracks: dict[str, _Track] = {}
        self._former: dict[str, _Track] = {}  # those that a tensor of another kind has taken the name of

    @property
    def number_of_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(track.number_of_bytes for track in self._all.values())

    @property
    def _all(self) -> Mapping[str, _Track]:
        return {**self._former, **self._tracks} if self._former else self._tracks

    def begin(self, step: int, *, reset: bool) -> None:
        """Begin a row."""
        self._steps.append(step)
        self._resets.append(reset)
        self.written += 1
        self.is_open = True

    def put(self, name: str, value: Tensor) -> None:
        """Write a tensor, (N, ...), into the row; the first of each name makes the room."""
        slot = self._slot(name, value)
        if slot is not None:
            slot.copy_(value)

    def put_any(self, name: str, *flags: Tensor) -> None:
        """Write whether one of several flags is set; nothing where there are none."""
        slot = self._slot(name, flags[0]) if flags else None
        if slot is None:
            return
        if len(flags) == 1:
            slot.copy_(flags[0])
            return
        first, second, *more = flags
        torch.logical_or(first, second, out=slot)
        for other in more:
            slot.logical_or_(other)

    def _slot(self, name: str, value: Tensor) -> Tensor | None:
        """Return where the tensor's row is, or None where it is left out; in each step four times, so in few words."""
        track = self._tracks.get(name)
        if track is None or track.shape != value.shape or track.dtype != value.dtype:
            track = self._make(name, value)
            if track is None:
                return None
        row = self.written - 1
        if row != track.next:
            if row < track.next:  # two have the same name
                return self._slot(f"{name}'", value)
            track.gaps.append((track.next, row))
        track.next = row + 1
        return track.slots[row % len(track.slots)]

    def _make(self, name: str, value: Tensor) -> _Track | None:
        """Make room for a tensor; what had its name is kept under another, as long as something of it is there."""
        if not value.dim() and name == "done":
            raise BadInputError(
                "a step ends one episode, so that is no vectorised environment; put one around it."
            )
        if self.num_envs is None and value.dim():
            self.num_envs = len(value)
        if value.shape[:1] != (self.num_envs,):
            self.left_out[name] = tuple(value.shape)
            return None
        if not self._all:
            self.is_on_cuda = value.is_cuda
            self.size = Size.of(steps=self._given, every=self.size.every, cuda=value.is_cuda)
        before = self._tracks.pop(name, None)
        if before is not None:
            self._former[_former_name(name, before)] = before
        track = _Track(name, value, self.size)
        # It may be the former kind once more.
        self._tracks[name] = self._former.pop(_former_name(name, track), track)
        return self._tracks[name]

    def to_look_at(self) -> dict[str, Tensor]:
        """Return the rows that come next, as they are laid out; flags and whole numbers are left out."""
        begin, self._seen = self.looked_at, self.written
        count = self.written - begin
        found = {}
        for name, track in self._all.items():
            if track.is_looked_at:
                place = begin % len(track.stored)
                found[name] = track.stored[place : place + count]
        return found

    @property
    def has_news(self) -> bool:
        """Whether there are rows that nobody has looked at, and all of them are whole."""
        return self._seen < self.written and not self.is_open

    @property
    def looked_at(self) -> int:
        """The row with which the look that comes next begins: looks begin at whole multiples of `every`."""
        return max(0, self.written - 1) // self.size.every * self.size.every

    def turn(self) -> None:
        """Make room for the rows until the next look."""
        first, is_gone = self.first, False
        for track in self._all.values():
            track.keep(self.written, self.size)
            track.forget(first)
            is_gone |= track.next <= first
        if is_gone:  # keys may be new in each step
            self._tracks = _still_there(self._tracks, first)
            self._former = _still_there(self._former, first)
        if self.size.older:  # the oldest of those have just been written over
            self._kept_from = self.written - self.size.rows + self.size.every
        del self._steps[: -self.size.rows], self._resets[: -self.size.rows]

    @property
    def first(self) -> int:
        """The oldest row that is there."""
        return max(0, self._kept_from, self.written - self.size.rows)

    def history(self) -> History:
        """Copy all rows to the CPU, the oldest first; waits for the device."""
        count = self.written - self.first
        exact = [len(track.stored) for track in self._all.values()]
        there = {name: track for name, track in self._all.items() if not track.is_gone(self.first)}
        return History(
            steps=torch.tensor(self._steps[-count:], dtype=torch.int64, device="cpu"),
            resets=torch.tensor(self._resets[-count:], dtype=torch.bool, device="cpu"),
            tensors={name: track.rows(self.first, self.written) for name, track in there.items()},
            present={name: track.present(self.first, self.written) for name, track in there.items()},
            shapes={name: tuple(track.shape[1:]) for name, track in there.items()},
            exact_from=max(0, count - min(exact, default=count)),
        )


def _still_there(tracks: Mapping[str, _Track], first: int) -> dict[str, _Track]:
    return {name: track for name, track in tracks.items() if not track.is_gone(first)}


def _former_name(name: str, track: _Track) -> str:
    """Return what a tensor is called once its name belongs to one of another shape or type."""
    return f"{name}@{'x'.join(map(str, track.shape))} {str(track.dtype).removeprefix('torch.')}"


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

    @property
    def number_of_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())
