"""Observations, actions and rewards of any kind as named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from stepscope.nans._foreign import describe_error, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Parts: TypeAlias = Tensor | str | Sequence[tuple[str, Any]]

__all__ = ["as_tensor", "flatten_tensors", "holds_arrays", "is_plain_tensor"]

_WATCHED = frozenset((torch.float16, torch.bfloat16, torch.float32, torch.float64))
_STRIDED = torch.strided
_MAX_ITEMSIZE, _MAX_COMPLEX_ITEMSIZE = 8, 16  # bytes of a number in torch
_SIGNED = frozenset((torch.int8, torch.int16, torch.int32, torch.int64))
_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)  # which torch barely supports
_MAX_DEPTH = 8


def is_plain_tensor(value: Any, *, integers: bool = False) -> bool:  # noqa: ANN401 - whatever an environment returns
    """Return whether a value is a tensor of floating-point numbers, or of integers, that needs no conversion."""
    return (
        type(value) is Tensor
        and (value.dtype in _WATCHED or (integers and value.dtype in _SIGNED))
        and not value.requires_grad
        and value.layout is _STRIDED
    )


def flatten_tensors(
    value: Any,  # noqa: ANN401 - whatever an environment returns
    name: str,
    *,
    integers: bool = False,
    rows: int | None = None,
    on_skip: Callable[[str, str], None] | None = None,
    depth: int = 0,
) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a nested value with their names.

    Groups of observations are separated by a slash: ``observations/policy``; those of a tuple or list are numbered, and
    lists of numbers are one tensor. Integers can be neither NaN nor infinite and are left out unless asked for, byte
    images among them. NumPy arrays are not copied, unless torch lacks their type. Complex numbers are two tensors.

    Parameters
    ----------
    value, name
        Nested value and its name.
    integers
        Also yield integers.
    rows
        Number of environments: a list of as many arrays is one tensor.
    on_skip
        Called with the name of what may hold a number that is not finite and cannot be watched, and with the reason.
    depth
        Number of groups around it.

    Examples
    --------
    >>> groups = {"policy": torch.zeros(3, 4), "camera": torch.zeros(3, 8, 8, dtype=torch.uint8)}
    >>> [(name, tuple(tensor.shape)) for name, tensor in flatten_tensors(groups, "observations")]
    [('observations/policy', (3, 4))]
    """
    if is_plain_tensor(value):
        yield name, value
        return
    try:
        parts = (
            _split(value, integers=integers, rows=rows) if depth < _MAX_DEPTH else "it is nested too deeply"
        )
    except Exception as error:  # noqa: BLE001 - somebody else's object may raise anything
        parts = describe_error(error)
    if isinstance(parts, Tensor):
        yield name, parts
    elif isinstance(parts, str):
        if on_skip is not None:
            on_skip(name, parts)
    else:
        for key, part in parts:
            yield from flatten_tensors(
                part,
                f"{name}/{key}" if key else name,
                integers=integers,
                rows=rows,
                on_skip=on_skip,
                depth=depth + 1,
            )


def _split(value: Any, *, integers: bool, rows: int | None) -> _Parts:  # noqa: ANN401, PLR0911 - as above; one return per kind
    """Return a value as a tensor, or its parts with their keys, or the reason why it is not watched."""
    if isinstance(value, Tensor):
        return _of_tensor(value, integers=integers)
    if isinstance(value, np.ndarray):
        return _of_array(value, integers=integers)
    if value is None or isinstance(value, (str, bytes, int, np.integer, np.bool_)):
        return ()
    if isinstance(value, Number):
        return _of_array(np.asarray(value), integers=integers)
    if isinstance(value, Mapping) or hasattr(value, "batch_size"):  # a TensorDict is no Mapping
        return [(label(key), part) for key, part in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Sequence):
        return _of_sequence(value, integers=integers, rows=rows)
    if hasattr(value, "__dlpack__"):  # JAX's arrays, and others
        return _of_tensor(torch.from_dlpack(value), integers=integers)
    if hasattr(value, "__array__"):
        return _of_array(np.asarray(value), integers=integers)
    return f"it is a {type(value).__name__}"


def _of_tensor(tensor: Tensor, *, integers: bool) -> _Parts:
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        return [("real", tensor.real), ("imag", tensor.imag)]
    if tensor.is_floating_point():
        tensor = tensor.detach() if tensor.requires_grad else tensor
        return tensor if tensor.dtype in _WATCHED else tensor.float()  # torch only stores 8-bit floats
    if integers:
        return tensor.long() if tensor.dtype in _UNSIGNED else tensor
    return ()


def _of_array(array: np.ndarray, *, integers: bool) -> _Parts:
    if array.dtype.names is not None:
        return [(label(name), array[name]) for name in array.dtype.names]
    if array.dtype.kind == "O":
        array = np.array(array.tolist())
        if None in array.ravel().tolist():  # as a number it would be NaN
            raise TypeError("it holds None")
    if array.dtype.kind in "OV":  # V are types that others add to NumPy, such as bfloat16
        array = array.astype(np.float64)
    return (
        _of_tensor(as_tensor(array), integers=integers)
        if array.dtype.kind in ("biufc" if integers else "fc")
        else ()
    )


def _of_sequence(value: Sequence[Any], *, integers: bool, rows: int | None) -> _Parts:
    """Return a list of numbers, or of one array per environment, as one tensor, and others as their parts."""
    first: Any = value
    for _ in range(_MAX_DEPTH):
        if isinstance(first, Sequence) and not isinstance(first, (str, bytes)) and len(first):
            first = first[0]
    if isinstance(first, (Tensor, np.ndarray)) and first is value[0]:
        one_per_env = len(value) == rows and first.shape[:1] != (rows,)
        if not first.ndim or one_per_env:
            if isinstance(first, Tensor):
                return _of_tensor(torch.stack(list(value)), integers=integers)
            return _of_array(np.stack(list(value)), integers=integers)
    if isinstance(first, Number) or (isinstance(first, np.ndarray) and not first.ndim):
        try:
            array = np.array(value)
        except ValueError:  # lists of different lengths
            pass
        else:
            if array.dtype.kind in "biufcO":
                return _of_array(array, integers=integers)
    return [(str(number), part) for number, part in enumerate(value)]


def holds_arrays(value: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether a value is a NumPy array, or groups of them.

    Examples
    --------
    >>> holds_arrays({"policy": np.zeros((3, 4))}), holds_arrays(torch.zeros(3, 4))
    (True, False)
    """
    try:
        if isinstance(value, Mapping):
            return any(map(holds_arrays, value.values()))
        return isinstance(value, np.ndarray) or (
            isinstance(value, (tuple, list)) and any(map(holds_arrays, value))
        )
    except Exception:  # noqa: BLE001 - as above
        return False


def as_tensor(array: np.ndarray) -> Tensor:
    """Return an array as a tensor; a copy where it is read-only, reversed, or of a type that torch lacks."""
    if array.flags.writeable:
        try:
            return torch.from_numpy(array)
        except (TypeError, ValueError):
            pass
    kind = array.dtype.kind
    size = min(array.dtype.itemsize, _MAX_COMPLEX_ITEMSIZE if kind == "c" else _MAX_ITEMSIZE)
    return torch.from_numpy(array.astype("?" if kind == "b" else f"{kind}{size}"))
