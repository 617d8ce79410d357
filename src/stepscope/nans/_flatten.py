"""What is watched: any observation, action or reward as tensors with a name for each column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from stepscope.nans._foreign import describe_error, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Parts: TypeAlias = Tensor | str | Sequence[tuple[str, Any]]

__all__ = ["STRIDED", "WATCHED", "Name", "as_tensor", "column_name", "flat", "is_of_arrays", "name_parts"]

WATCHED = frozenset((torch.float16, torch.bfloat16, torch.float32, torch.float64))
"""Types of tensors that are watched as they are, where they are laid out as `STRIDED` is."""

STRIDED = torch.strided
_LONGEST = {"c": 16}  # bytes of a number that torch has
_LONGEST_OTHER = 8
_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # of which torch has little more than the name
_DEEPEST = 8
_FORMER = re.compile(r"@(\d+(?:x\d+)* \w+)$")


def flat(
    value: Any,  # noqa: ANN401 - whatever an environment returns
    name: str,
    *,
    whole: bool = False,
    rows: int | None = None,
    say: Callable[[str, str], None] | None = None,
    depth: int = 0,
) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in a value, each with its name.

    Groups of observations are told apart by a slash: ``observations/policy``; those of a tuple or list are numbered, and
    lists of numbers are one tensor. Whole numbers can be neither NaN nor infinite and are left out unless asked for,
    images of bytes among them. Arrays of NumPy are not copied, unless torch has no such. Complex numbers are two tensors.

    Parameters
    ----------
    value, name
        What is taken apart, and what it is called.
    whole
        Yield whole numbers, too.
    rows
        How many environments there are: a list of as many arrays is one tensor.
    say
        Is called with the name of what may hold a number that is not finite and cannot be watched, and why.
    depth
        How many groups it lies in.

    Examples
    --------
    >>> groups = {"policy": torch.zeros(3, 4), "camera": torch.zeros(3, 8, 8, dtype=torch.uint8)}
    >>> [(name, tuple(tensor.shape)) for name, tensor in flat(groups, "observations")]
    [('observations/policy', (3, 4))]
    """
    if (  # as a rule
        type(value) is Tensor
        and value.dtype in WATCHED
        and not value.requires_grad
        and value.layout is STRIDED
    ):
        yield name, value
        return
    try:
        found = _parts(value, whole=whole, rows=rows) if depth < _DEEPEST else "it lies in too many groups"
    except Exception as error:  # noqa: BLE001 - somebody else's object may raise anything
        found = describe_error(error)
    if isinstance(found, Tensor):
        yield name, found
    elif isinstance(found, str):
        if say is not None:
            say(name, found)
    else:
        for key, part in found:
            yield from flat(
                part, f"{name}/{key}" if key else name, whole=whole, rows=rows, say=say, depth=depth + 1
            )


def _parts(value: Any, *, whole: bool, rows: int | None) -> _Parts:  # noqa: ANN401, PLR0911 - as above; one for each kind
    """Return a value as a tensor, or what it is made of, each with its key, or why it is not watched."""
    if isinstance(value, Tensor):
        return _of_tensor(value, whole=whole)
    if isinstance(value, np.ndarray):
        return _of_array(value, whole=whole)
    if value is None or isinstance(value, (str, bytes, int, np.integer, np.bool_)):
        return ()
    if isinstance(value, Number):
        return _of_array(np.asarray(value), whole=whole)
    if isinstance(value, Mapping) or hasattr(value, "batch_size"):  # a TensorDict is no Mapping
        return [(label(key), part) for key, part in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Sequence):
        return _of_sequence(value, whole=whole, rows=rows)
    if hasattr(value, "__dlpack__"):  # JAX's arrays, and others
        return _of_tensor(torch.from_dlpack(value), whole=whole)
    if hasattr(value, "__array__"):
        return _of_array(np.asarray(value), whole=whole)
    return f"it is a {type(value).__name__}"


def _of_tensor(tensor: Tensor, *, whole: bool) -> _Parts:
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        return [("real", tensor.real), ("imag", tensor.imag)]
    if tensor.is_floating_point():
        tensor = tensor.detach() if tensor.requires_grad else tensor
        return tensor if tensor.dtype in WATCHED else tensor.float()  # torch only stores numbers of 8 bits
    if whole:
        return tensor.long() if tensor.dtype in _UNSIGNED else tensor
    return ()


def _of_array(array: np.ndarray, *, whole: bool) -> _Parts:
    if array.dtype.names is not None:
        return [(label(name), array[name]) for name in array.dtype.names]
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
        if None in array.ravel().tolist():  # as a number it would be NaN
            raise TypeError("it holds None")
    if array.dtype.kind in "OV":  # V is what others add to NumPy, such as bfloat16
        array = array.astype(np.float64)
    return (
        _of_tensor(as_tensor(array), whole=whole) if array.dtype.kind in ("biufc" if whole else "fc") else ()
    )


def _of_sequence(value: Sequence[Any], *, whole: bool, rows: int | None) -> _Parts:
    """Return lists of numbers, or of what each environment has, as one tensor, and others as what they are made of."""
    first: Any = value
    for _ in range(_DEEPEST):
        if isinstance(first, Sequence) and not isinstance(first, (str, bytes)) and len(first):
            first = first[0]
    if isinstance(first, (Tensor, np.ndarray)) and first is value[0]:
        of_each = len(value) == rows and first.shape[:1] != (rows,)
        if not first.ndim or of_each:
            if isinstance(first, Tensor):
                return _of_tensor(torch.stack(list(value)), whole=whole)
            return _of_array(np.stack(list(value)), whole=whole)
    if isinstance(first, Number) or (isinstance(first, np.ndarray) and not first.ndim):
        try:
            array = np.array(value)
        except ValueError:  # lists of different lengths
            pass
        else:
            if array.dtype.kind in "biufcO":
                return _of_array(array, whole=whole)
    return [(str(number), part) for number, part in enumerate(value)]


def is_of_arrays(value: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether a value is an array of NumPy, or groups of such.

    Examples
    --------
    >>> is_of_arrays({"policy": np.zeros((3, 4))}), is_of_arrays(torch.zeros(3, 4))
    (True, False)
    """
    try:
        if isinstance(value, Mapping):
            return any(map(is_of_arrays, value.values()))
        return isinstance(value, np.ndarray) or (
            isinstance(value, (tuple, list)) and any(map(is_of_arrays, value))
        )
    except Exception:  # noqa: BLE001 - as above
        return False


def as_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a tensor; a copy where torch takes none that is read-only, reversed, or of such a type."""
    if array.flags.writeable:
        try:
            return torch.from_numpy(array)
        except (TypeError, ValueError):
            pass
    kind = array.dtype.kind
    size = min(array.dtype.itemsize, _LONGEST.get(kind, _LONGEST_OTHER))
    return torch.from_numpy(array.astype("?" if kind == "b" else f"{kind}{size}"))


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
    name = names[column] if names is not None and column < len(names) else ""
    return name or f"[{column}]"
