"""Test of a checkpoint for NaN and infinity."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

__all__ = ["BadTensor", "Checkpoint", "inspect_checkpoint", "last_good"]

_ZIP = b"PK\x03\x04"
_SB3 = "policy.pth"  # the part that tells a checkpoint of Stable-Baselines3 from one that torch.save wrote
_UNSAFE = "cannot be loaded without running its own code: it asks for {name}."
_SB3_PARTS = ("policy.pth", "policy.optimizer.pth", "pytorch_variables.pth")


class _Placeholder:
    """Replacement for a number of NumPy, which RL-Games saves and PyTorch does not load with weights only.

    It keeps nothing and runs nothing.
    """

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        """Ignore the state."""


# PyTorch finds a class that it may use by its module and its name.
_PLACEHOLDERS = [
    type(name, (_Placeholder,), {"__module__": module})
    for module, name in (
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "scalar"),  # before NumPy 2
        ("numpy._core.multiarray", "scalar"),
    )
]


@dataclass(frozen=True, kw_only=True, slots=True)
class BadTensor:
    """A tensor that is not finite.

    Attributes
    ----------
    name
        Keys that lead to it, separated by slashes.
    numbers
        How many numbers it holds.
    nan, infinite
        How many of them are NaN, and how many infinite.
    """

    name: str
    numbers: int
    nan: int
    infinite: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    path
        The file.
    library
        One of `stepscope.train.LIBRARIES`; None if no library is recognised.
    saved_at
        Number of the epoch, iteration or step at which it was saved; None if neither the file nor its name tells.
    unit
        What `saved_at` counts.
    tensors
        How many tensors of floating-point numbers it holds, at least one.
    bad
        Those that are not finite.
    """

    path: Path
    library: str | None
    saved_at: int | None
    unit: str
    tensors: int
    bad: tuple[BadTensor, ...]


def inspect_checkpoint(path: str | Path) -> Checkpoint:
    """Test the tensors of a checkpoint: weights, normalisers and the optimizer's state.

    Only tensors and plain containers are loaded. No code of the file is run.

    Parameters
    ----------
    path
        Checkpoint of RL-Games (``.pth``), RSL-RL (``.pt``), skrl (``.pt``, or ``.pickle`` for JAX and Warp) or
        Stable-Baselines3 (``.zip``), or any other file that ``torch.save`` wrote.

    Raises
    ------
    BadInputError
        If the file cannot be read, cannot be loaded without running code, or holds no tensors.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInputError(f"{path} is a directory without checkpoints.")
    try:
        with path.open("rb") as file:
            start = file.read(len(_ZIP))
        if not start:
            raise BadInputError(f"{path} is empty.")
        if path.suffix == ".pickle":
            return _tested(path, _load_pickle(path), "skrl", _last_number(path), "step")
        if start != _ZIP:
            raise BadInputError(f"{path} is not a checkpoint that torch.save or Stable-Baselines3 wrote.")
        with zipfile.ZipFile(path) as parts:
            names = {name: name.rpartition("/")[2] for name in parts.namelist()}
            if "constants.pkl" in names.values():
                raise BadInputError(
                    f"{path} is a TorchScript program, such as an exported policy; test the checkpoint that it was made of."
                )
            if _SB3 in names:
                content: Any = {
                    name.removesuffix(".pth"): _load_part(parts, name, path)
                    for name in _SB3_PARTS
                    if name in names
                }
                return _tested(path, content, "sb3", _sb3_timesteps(parts), "step")
            if "data.pkl" not in names.values():
                raise BadInputError(f"{path} is a zip archive, but not a checkpoint.")
    except OSError as error:
        raise BadInputError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise BadInputError(
            f"{path} is not complete; the process may have ended while it was written."
        ) from error
    content = _load(path, str(path))
    return _tested(path, content, *_origin(path, content))


def last_good(checkpoints: Iterable[Checkpoint]) -> Checkpoint | None:
    """Return the last checkpoint of a run that is finite, among those before the first that is not.

    Those that do not tell when they were saved are passed over. None if there is none.
    """
    numbered = [checkpoint for checkpoint in checkpoints if checkpoint.saved_at is not None]
    last = None
    for checkpoint in sorted(numbered, key=lambda one: (one.saved_at or 0, bool(one.bad))):
        if checkpoint.bad:
            break
        last = checkpoint
    return last


def _load(file: Path | BytesIO, name: str) -> Any:  # noqa: ANN401 - whatever was saved
    if not hasattr(torch.serialization, "safe_globals"):
        raise BadInputError(
            f"{name} is not tested: loading weights only needs PyTorch 2.5 or newer, not {torch.__version__}."
        )
    try:
        with torch.serialization.safe_globals(_PLACEHOLDERS):
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        match = re.search(r"GLOBAL ([\w.]+)", str(error))  # as PyTorch names a class that it does not allow
        problem = (
            "holds more than weights, or is damaged." if match is None else _UNSAFE.format(name=match[1])
        )
        raise BadInputError(f"{name} {problem}") from error
    except Exception as error:  # what a damaged file raises is not defined
        raise BadInputError(f"{name} is damaged: {str(error).partition(chr(10))[0]}") from error


def _load_part(parts: zipfile.ZipFile, name: str, path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    part = parts.read(name)
    if not part.startswith(_ZIP):
        raise BadInputError(f"{path}, part {name} is not a checkpoint that torch.save wrote.")
    return _load(BytesIO(part), f"{path}, part {name}")


class _ArraysOnly(pickle.Unpickler):
    """Reader of pickles that hold plain containers, strings and arrays of NumPy."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as the base class
        """Return what builds an array; refuse anything else."""
        if (module.removeprefix("numpy.").removeprefix("_"), name) in _ARRAYS:
            return super().find_class(module, name)
        raise BadInputError(_UNSAFE.format(name=f"{module}.{name}"))


_ARRAYS = (("numpy", "dtype"), ("numpy", "ndarray"), ("core.multiarray", "_reconstruct"))


def _load_pickle(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """Load a checkpoint of skrl for JAX, whose modules are packed by Flax, or for Warp, whose modules are arrays."""
    try:
        with path.open("rb") as file:
            modules = _ArraysOnly(file).load()
        if isinstance(modules, bytes):  # a module that is stored separately
            return _unpack_flax(modules)
        if isinstance(modules, dict):
            return {
                name: _unpack_flax(value) if isinstance(value, bytes) else value
                for name, value in modules.items()
            }
    except BadInputError as error:
        raise BadInputError(f"{path} {error}") from error
    except Exception as error:  # what a damaged pickle raises is not defined
        raise BadInputError(f"{path} is damaged: {error}") from error
    return modules


def _unpack_flax(data: bytes) -> Any:  # noqa: ANN401 - whatever was saved
    """Unpack what ``flax.serialization.to_bytes`` wrote; its arrays are extensions of MessagePack with the code 1."""
    try:
        from msgpack import ExtType, unpackb  # noqa: PLC0415 - comes with Flax
    except ModuleNotFoundError as error:
        raise BadInputError(
            "is a checkpoint of skrl for JAX, which needs msgpack; install it with pip install msgpack."
        ) from error

    def unpack(code: int, packed: bytes) -> object:
        if code != 1:
            return ExtType(code, packed)
        _, dtype, content = unpackb(packed)
        return torch.frombuffer(bytearray(content), dtype=getattr(torch, dtype)) if content else None

    return unpackb(data, ext_hook=unpack, strict_map_key=False)


def _sb3_timesteps(parts: zipfile.ZipFile) -> int | None:
    try:
        steps = json.loads(parts.read("data"))["num_timesteps"]
    except (KeyError, ValueError, TypeError):
        return None
    return steps if isinstance(steps, int) else None


_RSL_RL = ("model_state_dict", "actor_state_dict", "student_state_dict")


def _origin(path: Path, content: object) -> tuple[str | None, int | None, str]:
    """Return the library that wrote a checkpoint, the number at which it did, and what that counts."""
    keys = content if isinstance(content, dict) else {}
    from_name = _last_number(path)
    for library, marks, key, unit in (
        ("rl_games", ("model",), "epoch", "epoch"),
        ("rsl_rl", _RSL_RL, "iter", "iteration"),
    ):
        if key in keys and any(mark in keys for mark in marks):
            return library, (keys[key] if isinstance(keys[key], int) else None), unit
    if "policy" in keys and path.suffix == ".pt":
        return "skrl", from_name, "step"
    return None, from_name, "number"


def _last_number(path: Path) -> int | None:
    """Return the number with which the name of a file ends."""
    number = re.search(r"(\d+)$", path.stem)
    return int(number[1]) if number else None


def _tested(path: Path, content: object, library: str | None, saved_at: int | None, unit: str) -> Checkpoint:
    tensors = list(_tensors(content))
    if not tensors:
        raise BadInputError(f"{path} holds no tensors.")
    bad = tuple(
        BadTensor(name=name, numbers=tensor.numel(), nan=nan, infinite=infinite)
        for name, tensor in tensors
        for nan, infinite in [_count(tensor)]
        if nan or infinite
    )
    return Checkpoint(path=path, library=library, saved_at=saved_at, unit=unit, tensors=len(tensors), bad=bad)


def _count(tensor: Tensor) -> tuple[int, int]:
    """Return how many numbers of a tensor are NaN, and how many infinite."""
    values = tensor.detach().to_dense()
    if values.element_size() == 1:  # PyTorch tests no numbers of 8 bits
        values = values.float()
    if bool(values.isfinite().all()):
        return 0, 0
    return int(values.isnan().sum()), int(values.isinf().sum())


def _tensors(value: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of floating-point numbers in nested containers, and their names."""
    if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
        value = torch.as_tensor(value)
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() or value.is_complex():
            yield name or "tensor", value
        return
    items: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, inner in items:
        yield from _tensors(inner, f"{name}/{key}" if name else str(key))
