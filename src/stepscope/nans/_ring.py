"""Ring buffer of the last steps of all watched tensors, on their device: older ones in half precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stepscope.errors import BadInputError
from stepscope.nans._names import parse_tensor_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXACT", "History", "RingBuffer", "RingSize", "Snapshot"]

EXACT = ("actions", "done")
"""Kinds of tensors that are never rounded: a replay steps with the actions."""

_LATE_CHECKS = 2  # by which a bad value may be noticed late on CUDA


@dataclass(frozen=True, kw_only=True)
class History:
    """Rows of a ring buffer, in order, on the CPU.

    Attributes
    ----------
    steps
        (T,) int64, vector step of each row; that of a reset has the number of the step before it.
    resets
        (T,) bool, whether a row is that of a reset, which has no actions and no rewards.
    tensors
        Name to (T, N, columns), in the tensor's own type.
    present
        Name to (T,) bool, whether a tensor was present in a row; where it was absent, its values are 0.
    shapes
        Name to the shape of one environment's part of a tensor; its columns are those numbers, flattened.
    exact_from
        First row in which all values are exact; earlier float32 values were rounded to bfloat16, which keeps the range
        and 8 of 24 bits of precision. Actions are exact in all rows.
    """

    steps: Tensor
    resets: Tensor
    tensors: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    shapes: Mapping[str, tuple[int, ...]]
    exact_from: int = 0


@dataclass(frozen=True, kw_only=True)
class RingSize:
    """Number of rows of a ring buffer.

    Attributes
    ----------
    every
        Rows between two checks.
    checks
        Number of checks for which rows are kept.
    late_checks
        Number of checks by which a bad value may be noticed late; the buffer has as many rows more.
    """

    every: int
    checks: int
    late_checks: int

    @classmethod
    def of(cls, *, steps: int, every: int, cuda: bool) -> RingSize:
        """Return the size that keeps so many steps before a bad value, whenever it is noticed."""
        return cls(every=every, checks=-(-steps // every), late_checks=_LATE_CHECKS if cuda else 0)

    @cached_property
    def rows(self) -> int:
        """Number of rows."""
        return (self.checks + self.late_checks) * self.every

    @cached_property
    def recent(self) -> int:
        """Number of exact rows: the unchecked ones, and as many before them."""
        return (min(self.checks, 2) + self.late_checks) * self.every

    @cached_property
    def older(self) -> int:
        """Number of rows before those, in half precision."""
        return self.rows - self.recent

    @cached_property
    def between_snapshots(self) -> int:
        """Rows between two snapshots: half of what is kept, so that one precedes the bad value."""
        return max(1, self.checks // 2) * self.every

    @property
    def snapshots(self) -> int:
        """Number of snapshots held at most, while nothing is reset."""
        return (self.rows - (self.every if self.older else 0)) // self.between_snapshots + 1

    def number_of_bytes(self, name: str, dtype: torch.dtype, numel: int) -> int:
        """Return the bytes of all rows of a tensor with so many elements."""
        recent, older = self.split(name, dtype)
        return numel * (recent * dtype.itemsize + older * torch.bfloat16.itemsize)

    def split(self, name: str, dtype: torch.dtype) -> tuple[int, int]:
        """Return the numbers of exact and of half-precision rows of a tensor."""
        rounded = dtype == torch.float32 and parse_tensor_name(name).kind not in EXACT
        return (self.recent, self.older) if rounded else (self.rows, 0)


class _TensorHistory:
    """Rows of one tensor."""

    def __init__(self, name: str, value: Tensor, size: RingSize) -> None:
        recent, older = size.split(name, value.dtype)
        self.shape, self.dtype = value.shape, value.dtype
        # In the memory layout of the tensor, so that a copy needs no reordering.
        by_columns = value.dim() > 1 and not value.is_contiguous() and value.mT.is_contiguous()
        shape = value.mT.shape if by_columns else value.shape
        # An inference tensor could not be written to outside inference mode. Zeros, since rows that were never written
        # must not seem bad.
        with torch.inference_mode(mode=False):
            self.stored = torch.zeros(recent, *shape, dtype=value.dtype, device=value.device)
            self._older = torch.zeros(older, *shape, dtype=torch.bfloat16, device=value.device)
        self._by_columns = by_columns
        self.next = 0  # row after the last one written
        self.gaps: list[tuple[int, int]] = []  # ranges of rows that were not written
        self.is_checked = name != "done" and value.is_floating_point() and value.numel() > 0
        self.slots = tuple(row.mT if by_columns else row for row in self.stored.unbind(0))
        # As many rows as lie between two checks.
        self.blocks = self.stored.split(size.every)
        self._older_blocks = self._older.split(size.every) if older else ()

    @property
    def number_of_bytes(self) -> int:
        return self.stored.nbytes + self._older.nbytes

    def is_gone(self, first: int) -> bool:
        """Whether no row from `first` on was written."""
        return self.next <= first

    def drop_gaps(self, first: int) -> None:
        """Drop the gaps before a row."""
        if self.gaps:
            self.gaps = [gap for gap in self.gaps if gap[1] > first]

    def round_oldest(self, written: int, size: RingSize) -> None:
        """Copy the rows that are overwritten next into half precision."""
        leaving = (written - size.recent) // size.every
        if leaving >= 0 and self._older_blocks:
            block = self.blocks[leaving % len(self.blocks)]
            self._older_blocks[leaving % len(self._older_blocks)].copy_(block)

    def rows(self, first: int, end: int) -> Tensor:
        """Return these rows as (T, N, columns) on the CPU, in the tensor's own type."""
        recent = len(self.stored)
        exact = max(first, end - recent)
        # On the CPU, since the device may have no memory left for another copy.
        parts = [self.stored.cpu()[[row % recent for row in range(exact, end)]]]
        if exact > first:
            places = [row % len(self._older) for row in range(first, exact)]
            parts.insert(0, self._older.cpu()[places].to(self.dtype))
        rows = torch.cat(parts)
        rows = rows.mT if self._by_columns else rows
        rows = rows.reshape(end - first, self.shape[0], math.prod(self.shape[1:]))
        rows[~self.present(first, end)] = 0  # they hold an earlier round of the buffer
        return rows

    def present(self, first: int, end: int) -> Tensor:
        """Return (T,) bool, whether each of these rows was written."""
        present = torch.ones(end - first, dtype=torch.bool, device="cpu")
        for begin, stop in (*self.gaps, (self.next, end)):
            present[max(0, begin - first) : max(0, stop - first)] = False
        return present


class RingBuffer:
    """Buffer of rows, the oldest of which are overwritten.

    Parameters
    ----------
    steps
        Vector steps that are kept at a check; between two checks up to `every` fewer.
    every
        Rows between two checks.
    num_envs
        Number of environments; None is the number of rows of the first tensor.

    Attributes
    ----------
    num_envs
        Number of environments; None until known.
    left_out
        Name to shape of tensors that are not kept, because they have no row per environment.
    is_on_cuda
        Whether the tensors are on a GPU.
    is_open
        Whether the last row is incomplete; set by the writer.
    """

    def __init__(self, *, steps: int, every: int, num_envs: int | None = None) -> None:
        self.written = 0
        self.size = RingSize.of(steps=steps, every=every, cuda=False)
        self.left_out: dict[str, tuple[int, ...]] = {}
        self.is_on_cuda = self.is_open = False
        self._checked = 0  # rows that had been written at the last check
        self._steps_kept, self.num_envs = steps, num_envs
        self._kept_from = 0
        self._steps: list[int] = []
        self._resets: list[bool] = []
        self._tensors: dict[str, _TensorHistory] = {}
        self._former: dict[str, _TensorHistory] = {}  # whose name a tensor of another shape or type has taken

    @property
    def number_of_bytes(self) -> int:
        """Bytes of all tensors on the device."""
        return sum(tensor.number_of_bytes for tensor in self._all.values())

    @property
    def _all(self) -> Mapping[str, _TensorHistory]:
        return {**self._former, **self._tensors} if self._former else self._tensors

    def begin(self, step: int, *, reset: bool) -> None:
        """Begin a row."""
        self._steps.append(step)
        self._resets.append(reset)
        self.written += 1
        self.is_open = True

    def write(self, name: str, value: Tensor) -> None:
        """Write a tensor, (N, ...), into the row; the first of each name allocates the buffer."""
        slot = self._slot(name, value)
        if slot is not None:
            slot.copy_(value)

    def write_like_before(self, name: str, value: Any) -> bool:  # noqa: ANN401 - whatever an environment returns
        """Write what has the type and shape of the row before; return whether it has. On the hot path."""
        tensor = self._tensors.get(name)
        if (
            tensor is None
            or type(value) is not Tensor
            or value.dtype is not tensor.dtype
            or value.shape != tensor.shape
            or value.requires_grad
            or value.layout is not torch.strided
        ):
            return False
        row = self.written - 1
        if row != tensor.next:
            return False
        tensor.next = row + 1
        tensor.slots[row % len(tensor.slots)].copy_(value)
        return True

    def write_any(self, name: str, *flags: Tensor) -> None:
        """Write whether any of several flags is set; nothing where there are none."""
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
        """Return the tensor's row, or None where it is left out; on the hot path."""
        tensor = self._tensors.get(name)
        if tensor is None or tensor.shape != value.shape or tensor.dtype != value.dtype:
            tensor = self._allocate(name, value)
            if tensor is None:
                return None
        row = self.written - 1
        if row != tensor.next:
            if row < tensor.next:  # two tensors have the same name
                return self._slot(f"{name}'", value)
            tensor.gaps.append((tensor.next, row))
        tensor.next = row + 1
        return tensor.slots[row % len(tensor.slots)]

    def _allocate(self, name: str, value: Tensor) -> _TensorHistory | None:
        """Allocate a tensor's rows; an earlier tensor of its name is kept under another while rows of it remain."""
        if not value.dim() and name == "done":
            raise BadInputError(
                "a step ends one episode, so this is not a vectorised environment; wrap it in one."
            )
        if self.num_envs is None and value.dim():
            self.num_envs = len(value)
        if value.shape[:1] != (self.num_envs,):
            self.left_out[name] = tuple(value.shape)
            return None
        if not self._all:
            self.is_on_cuda = value.is_cuda
            self.size = RingSize.of(steps=self._steps_kept, every=self.size.every, cuda=value.is_cuda)
        before = self._tensors.pop(name, None)
        if before is not None:
            self._former[_former_name(name, before)] = before
        tensor = _TensorHistory(name, value, self.size)
        # It may be the former shape and type again.
        self._tensors[name] = self._former.pop(_former_name(name, tensor), tensor)
        return self._tensors[name]

    def unchecked(self) -> dict[str, Tensor]:
        """Return the unchecked rows, without flags and integers, and count them as checked."""
        begin, self._checked = self.check_begin, self.written
        count = self.written - begin
        rows = {}
        for name, tensor in self._all.items():
            if tensor.is_checked:
                block = tensor.blocks[begin // self.size.every % len(tensor.blocks)]
                rows[name] = block if count == self.size.every else block[:count]
        return rows

    @property
    def has_unchecked(self) -> bool:
        """Whether there are unchecked rows, all of them complete."""
        return self._checked < self.written and not self.is_open

    @property
    def check_begin(self) -> int:
        """First row of the next check, a multiple of `every`."""
        return max(0, self.written - 1) // self.size.every * self.size.every

    def rotate(self) -> None:
        """Free the rows until the next check."""
        first = self.first
        any_gone = False
        for tensor in self._all.values():
            tensor.round_oldest(self.written, self.size)
            tensor.drop_gaps(first)
            any_gone |= tensor.is_gone(first)
        if any_gone:  # keys may be new in each step
            self._tensors, self._former = _drop_gone(self._tensors, first), _drop_gone(self._former, first)
        if self.size.older:  # the oldest of those have just been overwritten
            self._kept_from = self.written - self.size.rows + self.size.every
        del self._steps[: -self.size.rows], self._resets[: -self.size.rows]

    @property
    def first(self) -> int:
        """Oldest row that is kept."""
        return max(0, self._kept_from, self.written - self.size.rows)

    def history(self) -> History:
        """Copy all rows to the CPU, the oldest first; waits for the device."""
        count = self.written - self.first
        exact = [len(tensor.stored) for tensor in self._all.values()]
        tensors = _drop_gone(self._all, self.first)
        return History(
            steps=torch.tensor(self._steps[-count:], dtype=torch.int64, device="cpu"),
            resets=torch.tensor(self._resets[-count:], dtype=torch.bool, device="cpu"),
            tensors={name: tensor.rows(self.first, self.written) for name, tensor in tensors.items()},
            present={name: tensor.present(self.first, self.written) for name, tensor in tensors.items()},
            shapes={name: tuple(tensor.shape[1:]) for name, tensor in tensors.items()},
            exact_from=max(0, count - min(exact, default=count)),
        )


def _drop_gone(tensors: Mapping[str, _TensorHistory], first: int) -> dict[str, _TensorHistory]:
    return {name: tensor for name, tensor in tensors.items() if not tensor.is_gone(first)}


def _former_name(name: str, tensor: _TensorHistory) -> str:
    """Return the name of a tensor once its own belongs to one of another shape or type."""
    return f"{name}@{'x'.join(map(str, tensor.shape))} {str(tensor.dtype).removeprefix('torch.')}"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """State of an environment, from which it can continue.

    Attributes
    ----------
    row
        Number of rows begun when it was taken.
    step
        Vector step after which it was taken.
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
