"""What was recorded, as a file: arrays and a text of JSON, and nothing that is executed when it is read."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from stepscope.nans._report import Report
    from stepscope.nans._ring import History, Snapshot

__all__ = ["SCHEMA", "Dump", "as_array", "load", "save"]

SCHEMA = 1
"""Version of what is in a file."""

_MOST_ENVS = 16
_LARGEST = 512 * 2**20  # bytes that a file may hold when it is unpacked
_ABOUT = 2**24  # characters
_KINDS = "biufU"  # types of NumPy that hold no objects
_TENSOR, _PRESENT, _SNAPSHOT = "tensor:", "present:", "snapshot:"
# What NumPy, zipfile and json raise on what somebody has made up; RuntimeError is a password, or too deep a JSON.
_NO_DUMP = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True, kw_only=True)
class Dump:
    """What a file holds.

    Attributes
    ----------
    about
        The report and the circumstances, as JSON had them: ``report`` (its lines), ``bad`` (step, env, tensor, column,
        value as text), ``limit`` (as text), ``column``, ``num_envs``, ``rank``, ``names``, ``shapes`` (of what one
        environment has of a tensor), ``snapshot_step``, ``snapshot_row`` (the first row after it), ``exact_from`` (the
        row from which on numbers are not rounded).
    steps
        (T,) int64, the vector step of each row.
    resets
        (T,) bool, whether a row is that of a reset.
    envs
        (M,) int64, which environments were kept: the bad one first, then others.
    tensors
        Name to (T, M, columns).
    present
        Name to (T,) bool, whether the tensor was there in a row; where it was not, its values are 0.
    snapshot
        Name to (M, ...), or to a number that all share: what the environment needs to go on from ``snapshot_step``; empty
        where it gave nothing.
    """

    about: Mapping[str, Any]
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
    """Write a file, whole or not at all.

    Parameters
    ----------
    path
        Where; what was there is replaced.
    report, history, names
        What was found, in what, and what its columns are called.
    snapshot
        What the environment needs to go on from an earlier step, or None.
    first
        Which of all rows that were recorded is the first of the history.
    most_bytes
        Size of the arrays; there are fewer environments, down to the bad one alone, where they would take more.
    """
    after = {} if snapshot is None else _for_each(snapshot, report.num_envs)
    envs = _chosen(report, history, after, most_bytes)
    about = {
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
    arrays: dict[str, np.ndarray] = {
        "schema": np.array(SCHEMA),
        "about": np.array(json.dumps(about)),
        "steps": history.steps.numpy(),
        "resets": history.resets.numpy(),
        "envs": np.array(envs, np.int64),
    }
    arrays |= {_TENSOR + name: as_array(values[:, envs]) for name, values in history.tensors.items()}
    arrays |= {_PRESENT + name: present.numpy() for name, present in history.present.items()}
    arrays |= {
        _SNAPSHOT + name: as_array(values[envs] if values.dim() else values) for name, values in after.items()
    }
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("wb") as file:
            # All are numbers and text. To NumPy 1.26 allow_pickle would be the name of one more.
            write: Any = np.savez_compressed
            write(file, **arrays)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _for_each(snapshot: Snapshot, num_envs: int) -> Mapping[str, Tensor]:
    """Return what has a row for each environment, and numbers that all share; what else there is cannot be cut."""
    return {name: each for name, each in snapshot.tensors.items() if each.shape[:1] in ((), (num_envs,))}


def as_array(values: Tensor) -> np.ndarray:
    """Return an array of NumPy, which has no bfloat16."""
    return (values.float() if values.dtype == torch.bfloat16 else values).cpu().numpy()


def _chosen(report: Report, history: History, snapshot: Mapping[str, Tensor], most_bytes: int) -> list[int]:
    """Return the bad environment, and others beside it as far as there is room."""
    each = sum(values[:, 0].nbytes for values in history.tensors.values())
    each += sum(values[0].nbytes for values in snapshot.values() if values.dim())
    room = max(1, min(_MOST_ENVS, most_bytes // max(1, each)))
    others = (env for env in range(report.num_envs) if env != report.bad.env)
    return [report.bad.env, *(env for env, _ in zip(others, range(room - 1), strict=False))]


def load(path: str | Path) -> Dump:
    """Read a file that a recorder has written.

    Nothing in the file is executed, and nothing is unpacked that says to be larger than it may be.

    Raises
    ------
    BadInputError
        It cannot be read, or is not such a file.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # a device may have no end
        raise BadInputError(f"{path} cannot be read: it is no file.")
    try:
        _check(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror or 'it is damaged'}.") from error
    except (zipfile.BadZipFile, zlib.error, *_NO_DUMP) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{path} is no dump of a recorder, or is damaged.") from error
    return _dump(path, arrays)


def _check(path: Path) -> None:
    """Refuse what holds objects, or more than it may, by what the headers say."""
    total = 0
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise BadInputError(f"{path} holds the same name twice; it is not read.")
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }.get(version)
                if read is None:
                    raise ValueError(version)
                shape, _, dtype = read(file)
            if dtype.kind not in _KINDS:
                raise BadInputError(
                    f"{path} holds {member.filename} with objects, which would be executed; it is not read."
                )
            if any(side < 0 for side in shape):
                raise ValueError(shape)
            size = math.prod(shape) * dtype.itemsize
            total += size
            if total > _LARGEST or size > member.file_size:
                raise BadInputError(f"{path} says to hold more than it may or does; it is not read.")


def _dump(path: Path, arrays: Mapping[str, np.ndarray]) -> Dump:
    try:
        schema, text = int(arrays["schema"]), str(arrays["about"])
        if schema != SCHEMA:
            raise BadInputError(f"{path} has schema {schema}; this version of stepscope reads {SCHEMA}.")
        found = Dump(
            about=json.loads(text[:_ABOUT]),  # what is longer is cut off, and so no JSON
            steps=arrays["steps"],
            resets=arrays["resets"],
            envs=arrays["envs"],
            tensors=_those(arrays, _TENSOR),
            present=_those(arrays, _PRESENT),
            snapshot=_those(arrays, _SNAPSHOT),
        )
        _agree(found)
    except _NO_DUMP as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{path} is no dump of a recorder, or is damaged.") from error
    return found


def _those(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _agree(found: Dump) -> None:
    """Raise ValueError where the arrays do not fit one another, or the report does not fit them."""
    rows, envs = len(found.steps), len(found.envs)
    bad = found.about["bad"]
    tensor = found.tensors[bad["tensor"]]
    float(bad["value"])
    float(found.about["limit"])
    begin, names, shapes = (found.about[name] for name in ("snapshot_step", "names", "shapes"))
    fits: Sequence[bool] = (
        all(len(line) == 2 and all(map(_is_plain, line)) for line in found.about["report"]),  # noqa: PLR2004 - a label and a text
        all(isinstance(columns, list) and all(map(_is_plain, columns)) for columns in names.values()),
        all(map(_is_plain, (*found.tensors, found.about["column"]))),
        all(isinstance(number, int) for number in (bad["step"], bad["env"], found.about["num_envs"])),
        begin is None or isinstance(begin, int),
        found.tensors.keys() == found.present.keys() == shapes.keys(),
        all(math.prod(shapes[name]) == array.shape[2] for name, array in found.tensors.items()),
        all(array.dtype == np.bool_ and array.shape == (rows,) for array in found.present.values()),
        found.steps.dtype.kind in "iu",
        all(_is_numbers(array) for array in (*found.tensors.values(), *found.snapshot.values())),
        found.steps.shape == found.resets.shape == (rows,),
        found.envs.shape == (envs,),
        all(array.shape[:2] == (rows, envs) and array.ndim == 3 for array in found.tensors.values()),  # noqa: PLR2004 - T, M, columns
        all(array.shape[:1] in ((), (envs,)) for array in found.snapshot.values()),
        (begin is None) == (found.about["snapshot_row"] is None),
        begin is None or 0 <= found.about["snapshot_row"] <= rows,
        0 <= bad["row"] < rows,
        0 <= found.about["exact_from"] <= rows,
        0 <= bad["column"] < tensor.shape[2],
        int(found.envs[0]) == bad["env"],
    )
    if not all(fits):
        raise ValueError(fits)


def _is_plain(text: object) -> bool:
    """Whether it is a text with nothing in it that a terminal would obey."""
    return isinstance(text, str) and text.isprintable()


def _is_numbers(array: np.ndarray) -> bool:
    """Whether torch can take an array."""
    return array.dtype.kind in "biuf" and array.dtype.isnative and array.dtype.itemsize <= 8  # noqa: PLR2004 - bytes
