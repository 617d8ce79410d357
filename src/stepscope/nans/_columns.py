"""What is watched: any observation, action or reward as tensors with a name for each column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Name", "as_tensor", "column_name", "flat", "is_of_arrays", "name_parts"]

_LONGEST = 8  # bytes of a number that torch has
_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # of which torch has little more than the name
_FORMER = re.compile(r"@(\d+(?:x\d+)* \w+)$")


def flat(value: Any, name: str, *, whole: bool = False) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401 - whatever an environment returns
    """Yield the tensors in a value, each with its name.

    Groups of observations are told apart by a slash: ``observations/policy``; those of a tuple or list are numbered. Whole
    numbers can be neither NaN nor infinite and are left out unless asked for, images of bytes among them. Arrays of
    NumPy are not copied, unless torch has no such.

    Examples
    --------
    >>> groups = {"policy": torch.zeros(3, 4), "camera": torch.zeros(3, 8, 8, dtype=torch.uint8)}
    >>> [(name, tuple(tensor.shape)) for name, tensor in flat(groups, "observations")]
    [('observations/policy', (3, 4))]
    """
    if isinstance(value, Tensor):
        if value.is_floating_point():
            yield name, value.detach() if value.requires_grad else value
        elif whole and not value.is_complex():
            yield name, value.long() if value.dtype in _UNSIGNED else value
    elif isinstance(value, np.ndarray):
        if value.dtype.kind in ("biuf" if whole else "f"):
            yield from flat(as_tensor(value), name, whole=whole)
    else:
        for key, part in _parts(value):
            yield from flat(part, f"{name}/{key}" if key else name, whole=whole)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:  # noqa: ANN401 - as above
    """Return what a value is made of, each with its key; a list of numbers is one array."""
    if isinstance(value, list) and value and all(isinstance(each, (int, float)) for each in value):
        return [("", np.array(value))]
    if isinstance(value, (tuple, list)):
        return ((str(number), part) for number, part in enumerate(value))
    if isinstance(value, Mapping) or hasattr(value, "batch_size"):  # a TensorDict is no Mapping
        return ((key, value[key]) for key in value.keys())  # noqa: SIM118 - a TensorDict is iterated by its rows
    return ()


def is_of_arrays(value: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether a value is an array of NumPy, or groups of such.

    Examples
    --------
    >>> is_of_arrays({"policy": np.zeros((3, 4))}), is_of_arrays(torch.zeros(3, 4))
    (True, False)
    """
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, Mapping):
        return any(map(is_of_arrays, value.values()))
    return isinstance(value, (tuple, list)) and any(map(is_of_arrays, value))


def as_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a tensor; a copy where torch takes none that is read-only, reversed, or of such a type."""
    if array.flags.writeable:
        try:
            return torch.from_numpy(array)
        except (TypeError, ValueError):
            pass
    kind = f"{array.dtype.kind}{min(array.dtype.itemsize, _LONGEST)}" if array.dtype.kind != "b" else "?"
    return torch.from_numpy(array.astype(kind))


class Name(NamedTuple):
    """The parts of a tensor's name, ``observations/policy@16x4 float32``.

    Attributes
    ----------
    kind
        ``actions``, ``state``, ``observations`` or ``rewards``.
    group
        Which of several, a group or an agent; empty where there is only one.
    former
        Shape and type of a tensor that was called so until one of another shape or type was; else empty.
    """

    kind: str
    group: str
    former: str

    @property
    def current(self) -> str:
        """The name that it had."""
        return f"{self.kind}/{self.group}" if self.group else self.kind


def name_parts(name: str) -> Name:
    """Take the name of a tensor apart.

    Examples
    --------
    >>> name_parts("observations/policy"), name_parts("actions@16x1 float64")
    (Name(kind='observations', group='policy', former=''), Name(kind='actions', group='', former='16x1 float64'))
    """
    match = _FORMER.search(name)
    current = name[: match.start()] if match else name
    kind, _, group = current.partition("/")
    return Name(kind, group, match[1] if match else "")


def column_name(names: tuple[str, ...] | None, column: int) -> str:
    """Return what a column is called: its name where it has one, else its number in brackets.

    Examples
    --------
    >>> column_name(("cart_position", "pole_angle"), 1), column_name(None, 1)
    ('pole_angle', '[1]')
    """
    return names[column] if names is not None and column < len(names) else f"[{column}]"
