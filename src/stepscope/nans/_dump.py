"""Dump of a recorded history: a file of arrays and JSON, nothing of which is executed when it is read."""

from __future__ import annotations

import io
import json
import math
import os
import time
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stepscope._common import printable
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from stepscope.nans._report import Report
    from stepscope.nans._ring import History, Snapshot

__all__ = ["SCHEMA", "Dump", "as_array", "load", "save"]

SCHEMA = 1
"""Version of the file's fields."""

_MAX_ENVS = 16
_MAX_BYTES = 512 * 2**20  # of an unpacked file
_MAX_METADATA = 2**24  # characters
_KINDS = "biufcU"  # of NumPy's types, those without objects
_TENSOR, _PRESENT, _SNAPSHOT = "tensor:", "present:", "snapshot:"
_MAX_ARRAYS = 10_000
_MAX_LINES = 64  # of a report
_COUNTS = 2**63
_MAX_NAME = 300  # characters
_STALE = 3600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Dump:
    """Content of a dump.

    Attributes
    ----------
    metadata
        Report and circumstances, from JSON: ``report`` (its lines), ``bad`` (step, env, tensor, column,
        value as text), ``limit`` (as text), ``column``, ``num_envs``, ``rank``, ``names``, ``shapes`` (of one
        environment's part of a tensor), ``snapshot_step``, ``snapshot_row`` (the first row after it), ``exact_from``
        (the first row whose values are not rounded).
    steps
        (T,) int64, vector step of each row.
    resets
        (T,) bool, whether a row is that of a reset.
    envs
        (M,) int64, indices of the environments: the bad one first, then others.
    tensors
        Name to (T, M, columns).
    present
        Name to (T,) bool, whether the tensor was present in a row; where it was absent, its values are 0.
    snapshot
        Name to (M, ...), or to a number that all share: state of the environment after ``snapshot_step``; empty where
        it has none.
    """

    metadata: Mapping[str, Any]
    steps: np.ndarray
    resets: np.ndarray
    envs: np.ndarray
    tensors: Mapping[str, np.ndarray]
    present: Mapping[str, np.ndarray]
    snapshot: Mapping[str, np.ndarray]


def save(
    path: Path,
    *,
    report: Report,
    history: History,
    names: Mapping[str, tuple[str, ...]],
    snapshot: Snapshot | None,
    first: int,
    most_bytes: int,
) -> None:
    """Write a dump, whole or not at all.

    Parameters
    ----------
    path
        File, which is replaced if it exists.
    report, history, names
        Report, the rows that it is about, and the names of their columns.
    snapshot
        State of the environment after an earlier step, or None.
    first
        Number of the history's first row among all recorded ones.
    most_bytes
        Largest size of the arrays; fewer environments are kept, down to the bad one alone, to stay below it.
    """
    state = {} if snapshot is None else _per_env(snapshot, report.num_envs)
    envs = _choose_envs(report, history, state, most_bytes)
    metadata = {
        "report": [list(line) for line in report.lines()],
        # JSON has no NaN, so the value is text.
        "bad": {**asdict(report.bad), "value": str(report.bad.value)},
        "limit": str(report.limit),
        "column": report.column,
        "num_envs": report.num_envs,
        "rank": report.rank,
        "names": {name: list(columns) for name, columns in names.items() if name in history.tensors},
        "shapes": {name: list(shape) for name, shape in history.shapes.items()},
        "snapshot_step": None if snapshot is None else snapshot.step,
        "snapshot_row": None if snapshot is None else snapshot.row - first,
        "exact_from": history.exact_from,
    }
    text = json.dumps(metadata)
    if len(text) > _MAX_METADATA:
        text = json.dumps({**metadata, "names": {}})
    arrays: dict[str, np.ndarray] = {
        "schema": np.array(SCHEMA),
        "about": np.array(text),
        "steps": history.steps.numpy(),
        "resets": history.resets.numpy(),
        "envs": np.array(envs, np.int64),
    }
    arrays |= {_TENSOR + name: as_array(values[:, envs]) for name, values in history.tensors.items()}
    arrays |= {_PRESENT + name: present.numpy() for name, present in history.present.items()}
    arrays |= {
        _SNAPSHOT + name: as_array(values[envs] if values.dim() else values) for name, values in state.items()
    }
    if sum(array.nbytes for array in arrays.values()) > _MAX_BYTES or len(arrays) > _MAX_ARRAYS:
        raise ValueError(
            f"one environment alone exceeds the {_MAX_BYTES:,} bytes or {_MAX_ARRAYS:,} arrays of a dump"
        )
    buffer = io.BytesIO()
    # All are numbers and text. NumPy 1.26 would save allow_pickle as one more array.
    write: Any = np.savez_compressed
    write(buffer, **arrays)
    try:
        _write_without_name(path, buffer.getbuffer())
    except (
        AttributeError,
        OSError,
    ):  # the platform or the file system has no such files; or what follows says why
        _write_beside(path, buffer.getbuffer())


def _write_without_name(path: Path, data: memoryview) -> None:
    """Write a file that gets its name once it is complete, so that a killed process leaves nothing behind."""
    with open(os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb") as file:  # noqa: PTH123 - it has no path
        file.write(data)
        file.flush()
        while True:
            try:
                # With src_dir_fd Python follows the link, which it does not for an absolute path alone.
                here = f"/proc/self/fd/{file.fileno()}"
                os.link(here, path, src_dir_fd=file.fileno(), follow_symlinks=True)
            except FileExistsError:
                path.unlink(missing_ok=True)
            else:
                return


def _write_beside(path: Path, data: memoryview) -> None:
    """Write a file under another name and rename it; remove what killed processes left behind."""
    for left in path.parent.glob(".bad-values-step-*.npz.*"):
        if time.time() - left.stat().st_mtime > _STALE:  # whose process may be on another machine
            left.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _per_env(snapshot: Snapshot, num_envs: int) -> Mapping[str, Tensor]:
    """Return the tensors with a row per environment, and the numbers that all share; others cannot be sliced."""
    return {
        name: tensor for name, tensor in snapshot.tensors.items() if tensor.shape[:1] in ((), (num_envs,))
    }


def as_array(values: Tensor) -> np.ndarray:
    """Return a NumPy array; types that NumPy lacks, such as bfloat16, become float32."""
    values = values.detach().cpu()
    try:
        return values.numpy()
    except TypeError:
        return values.to(torch.complex64 if values.is_complex() else torch.float32).numpy()


def _choose_envs(
    report: Report, history: History, snapshot: Mapping[str, Tensor], most_bytes: int
) -> list[int]:
    """Return the bad environment, and as many others as the size allows."""
    env_bytes = sum(values[:, 0].nbytes for values in history.tensors.values())
    env_bytes += sum(values[0].nbytes for values in snapshot.values() if values.dim())
    count = int(max(1, min(_MAX_ENVS, min(most_bytes, _MAX_BYTES // 2) // max(1, env_bytes))))
    others = (env for env in range(report.num_envs) if env != report.bad.env)
    return [report.bad.env, *(env for env, _ in zip(others, range(count - 1), strict=False))]


def load(path: str | Path) -> Dump:
    """Read a dump that a recorder has written.

    Nothing in the file is executed, and nothing larger than allowed is unpacked.

    Raises
    ------
    BadInputError
        It cannot be read, or is not such a file.
    """
    path, shown = Path(path), printable(str(path), limit=_MAX_NAME)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about forged files
            return _from_arrays(_arrays(path))
    except BadInputError as error:
        raise BadInputError(f"{shown} {error}") from None
    except OSError as error:
        raise BadInputError(f"{shown} cannot be read: {error.strerror or 'it is damaged'}.") from error
    except Exception as error:  # what NumPy, zipfile and json raise on forged files
        raise BadInputError(f"{shown} is not a dump of a recorder, or is damaged.") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays; refuse objects and too much data, as declared in the headers."""
    total, arrays = 0, {}
    if path.exists() and not path.is_file():  # a device may have no end
        raise BadInputError("cannot be read: it is not a regular file.")
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > _MAX_ARRAYS:
            raise BadInputError(f"holds more than {_MAX_ARRAYS:,} arrays; refusing to load it.")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            shown = printable(name, limit=_MAX_NAME)
            if name in arrays:
                raise BadInputError(f"holds {shown} twice; refusing to load it.")
            with archive.open(member) as file:
                # Headers of other versions may be four gigabytes long.
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError(name)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype.kind not in _KINDS:
                raise BadInputError(
                    f"holds {shown} with objects, which would be executed; refusing to load it."
                )
            if any(side < 0 for side in shape):
                raise ValueError(shape)
            size = math.prod(shape) * dtype.itemsize
            total += size
            if total > _MAX_BYTES or size > member.file_size:
                raise BadInputError(
                    "declares more data than it contains or may be loaded; refusing to load it."
                )
            with archive.open(member) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Dump:
    schema: Any = arrays["schema"].item()
    text: Any = arrays["about"].item()
    if not _is_count(schema) or not isinstance(text, str) or len(text) > _MAX_METADATA:
        raise ValueError(schema)
    if schema != SCHEMA:
        raise BadInputError(f"has schema {schema}; this version of stepscope reads {SCHEMA}.")
    dump = Dump(
        metadata=json.loads(text),
        steps=arrays["steps"],
        resets=arrays["resets"],
        envs=arrays["envs"],
        tensors=_with_prefix(arrays, _TENSOR),
        present=_with_prefix(arrays, _PRESENT),
        snapshot=_with_prefix(arrays, _SNAPSHOT),
    )
    if not all(_validate(dump)):
        raise ValueError(text)
    return dump


def _with_prefix(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _validate(dump: Dump) -> Iterator[bool]:
    """Yield whether arrays and metadata fit together; later checks rely on earlier ones."""
    metadata, (rows, envs) = dump.metadata, (len(dump.steps), len(dump.envs))
    bad, begin, names, shapes = (metadata[name] for name in ("bad", "snapshot_step", "names", "shapes"))
    yield bad.keys() == {"row", "step", "env", "tensor", "column", "value"}
    yield dump.steps.shape == dump.resets.shape == (rows,)
    yield dump.envs.shape == (envs,)
    yield dump.resets.dtype == np.bool_
    yield dump.steps.dtype.kind in "iu"
    yield dump.envs.dtype.kind in "iu"
    for array in dump.tensors.values():
        yield array.ndim == 3 and array.shape[:2] == (rows, envs) and _is_numbers(array)  # noqa: PLR2004 - T, M, columns
    for array in dump.present.values():
        yield array.shape == (rows,) and array.dtype == np.bool_
    for array in dump.snapshot.values():
        yield array.shape[:1] in ((), (envs,)) and _is_numbers(array, also="c")
    yield all(map(_is_plain, dump.tensors))
    yield dump.tensors.keys() == dump.present.keys() == shapes.keys()
    for name, array in dump.tensors.items():
        yield all(map(_is_count, shapes[name])) and math.prod(shapes[name]) == array.shape[2]
    yield 0 < len(metadata["report"]) <= _MAX_LINES
    for line in metadata["report"]:
        yield len(line) == 2 and all(map(_is_plain, line))  # noqa: PLR2004 - a label and a text
    for columns in names.values():
        yield isinstance(columns, list) and all(map(_is_plain, columns))
    yield _is_plain(metadata["column"])
    yield all(
        map(_is_count, (*(bad[name] for name in ("row", "step", "env", "column")), metadata["num_envs"]))
    )
    yield bad["row"] < rows
    yield bad["column"] < dump.tensors[bad["tensor"]].shape[2]
    yield int(dump.envs[0]) == bad["env"]
    yield all(isinstance(number, (str, float, int)) for number in (bad["value"], metadata["limit"]))
    yield not math.isnan(float(metadata["limit"])) and isinstance(float(bad["value"]), float)
    yield _is_count(metadata["exact_from"]) and metadata["exact_from"] <= rows
    yield (begin is None) == (metadata["snapshot_row"] is None)
    yield begin is None or (_is_count(begin) and _is_count(metadata["snapshot_row"]))
    yield begin is None or metadata["snapshot_row"] <= rows


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < _COUNTS


def _is_plain(text: object) -> bool:
    """Whether it is a text with nothing in it that a terminal would obey."""
    return isinstance(text, str) and text.isprintable()


def _is_numbers(array: np.ndarray, *, also: str = "") -> bool:
    """Whether torch can take an array."""
    most = 16 if array.dtype.kind == "c" else 8  # bytes
    return array.dtype.kind in f"biuf{also}" and array.dtype.isnative and array.dtype.itemsize <= most
