"""What was recorded, as a file: arrays and a text of JSON, and nothing that is executed when it is read."""

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
"""Version of what is in a file."""

_MOST_ENVS = 16
_LARGEST = 512 * 2**20  # bytes that a file may hold when it is unpacked
_ABOUT = 2**24  # characters
_KINDS = "biufcU"  # types of NumPy that hold no objects
_TENSOR, _PRESENT, _SNAPSHOT = "tensor:", "present:", "snapshot:"
_MOST_ARRAYS = 10_000
_MOST_LINES = 64  # of a report
_COUNTS = 2**63
_SHOWN = 300  # characters of a name
_STALE = 3600.0  # seconds


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
    text = json.dumps(about)
    if len(text) > _ABOUT:
        text = json.dumps({**about, "names": {}})
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
        _SNAPSHOT + name: as_array(values[envs] if values.dim() else values) for name, values in after.items()
    }
    if sum(array.nbytes for array in arrays.values()) > _LARGEST or len(arrays) > _MOST_ARRAYS:
        raise ValueError(
            f"one environment alone takes more than the {_LARGEST:,} bytes or {_MOST_ARRAYS:,} arrays that are read back"
        )
    buffer = io.BytesIO()
    # All are numbers and text. To NumPy 1.26 allow_pickle would be the name of one more.
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
    """Write a file that has its name once it is whole: of a process that is killed before nothing is left."""
    with open(os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb") as file:  # noqa: PTH123 - it has no path
        file.write(data)
        file.flush()
        while True:
            try:
                # The folder makes Python follow the link, which it ignores for a path that is whole.
                here = f"/proc/self/fd/{file.fileno()}"
                os.link(here, path, src_dir_fd=file.fileno(), follow_symlinks=True)
            except FileExistsError:
                path.unlink(missing_ok=True)
            else:
                return


def _write_beside(path: Path, data: memoryview) -> None:
    """Write a file under another name, and then give it its own; remove what killed processes have left of theirs."""
    for left in path.parent.glob(".bad-values-step-*.npz.*"):
        if time.time() - left.stat().st_mtime > _STALE:  # whose process may be on another machine
            left.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _for_each(snapshot: Snapshot, num_envs: int) -> Mapping[str, Tensor]:
    """Return what has a row for each environment, and numbers that all share; what else there is cannot be cut."""
    return {name: each for name, each in snapshot.tensors.items() if each.shape[:1] in ((), (num_envs,))}


def as_array(values: Tensor) -> np.ndarray:
    """Return an array of NumPy, which has not all the types of torch; bfloat16, for one, becomes float32."""
    values = values.detach().cpu()
    try:
        return values.numpy()
    except TypeError:
        return values.to(torch.complex64 if values.is_complex() else torch.float32).numpy()


def _chosen(report: Report, history: History, snapshot: Mapping[str, Tensor], most_bytes: int) -> list[int]:
    """Return the bad environment, and others beside it as far as there is room."""
    each = sum(values[:, 0].nbytes for values in history.tensors.values())
    each += sum(values[0].nbytes for values in snapshot.values() if values.dim())
    room = int(max(1, min(_MOST_ENVS, min(most_bytes, _LARGEST // 2) // max(1, each))))
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
    path, shown = Path(path), printable(str(path), limit=_SHOWN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what somebody has made up
            return _dump(_arrays(path))
    except BadInputError as error:
        raise BadInputError(f"{shown} {error}") from None
    except OSError as error:
        raise BadInputError(f"{shown} cannot be read: {error.strerror or 'it is damaged'}.") from error
    except Exception as error:  # what NumPy, zipfile and json raise on what somebody has made up
        raise BadInputError(f"{shown} is no dump of a recorder, or is damaged.") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays; refuse what holds objects, or more than it may, by what the headers say."""
    total, arrays = 0, {}
    if path.exists() and not path.is_file():  # a device may have no end
        raise BadInputError("cannot be read: it is no file.")
    with zipfile.ZipFile(path) as archive:
        if len(archive.infolist()) > _MOST_ARRAYS:
            raise BadInputError(f"holds more than {_MOST_ARRAYS:,} arrays; it is not read.")
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            shown = printable(name, limit=_SHOWN)
            if name in arrays:
                raise BadInputError(f"holds {shown} twice; it is not read.")
            with archive.open(member) as file:
                # That of others may be four gigabytes long.
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError(name)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype.kind not in _KINDS:
                raise BadInputError(f"holds {shown} with objects, which would be executed; it is not read.")
            if any(side < 0 for side in shape):
                raise ValueError(shape)
            size = math.prod(shape) * dtype.itemsize
            total += size
            if total > _LARGEST or size > member.file_size:
                raise BadInputError("says to hold more than it may or does; it is not read.")
            with archive.open(member) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def _dump(arrays: Mapping[str, np.ndarray]) -> Dump:
    schema: Any = arrays["schema"].item()
    text: Any = arrays["about"].item()
    if not _is_count(schema) or not isinstance(text, str) or len(text) > _ABOUT:
        raise ValueError(schema)
    if schema != SCHEMA:
        raise BadInputError(f"has schema {schema}; this version of stepscope reads {SCHEMA}.")
    found = Dump(
        about=json.loads(text),
        steps=arrays["steps"],
        resets=arrays["resets"],
        envs=arrays["envs"],
        tensors=_those(arrays, _TENSOR),
        present=_those(arrays, _PRESENT),
        snapshot=_those(arrays, _SNAPSHOT),
    )
    if not all(_agreements(found)):
        raise ValueError(text)
    return found


def _those(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _agreements(found: Dump) -> Iterator[bool]:
    """Yield whether the arrays fit one another, and the report them; what comes later takes for granted what was before."""
    about, (rows, envs) = found.about, (len(found.steps), len(found.envs))
    bad, begin, names, shapes = (about[name] for name in ("bad", "snapshot_step", "names", "shapes"))
    yield bad.keys() == {"row", "step", "env", "tensor", "column", "value"}
    yield found.steps.shape == found.resets.shape == (rows,)
    yield found.envs.shape == (envs,)
    yield found.resets.dtype == np.bool_
    yield found.steps.dtype.kind in "iu"
    yield found.envs.dtype.kind in "iu"
    for array in found.tensors.values():
        yield array.ndim == 3 and array.shape[:2] == (rows, envs) and _is_numbers(array)  # noqa: PLR2004 - T, M, columns
    for array in found.present.values():
        yield array.shape == (rows,) and array.dtype == np.bool_
    for array in found.snapshot.values():
        yield array.shape[:1] in ((), (envs,)) and _is_numbers(array, also="c")
    yield all(map(_is_plain, found.tensors))
    yield found.tensors.keys() == found.present.keys() == shapes.keys()
    for name, array in found.tensors.items():
        yield all(map(_is_count, shapes[name])) and math.prod(shapes[name]) == array.shape[2]
    yield 0 < len(about["report"]) <= _MOST_LINES
    for line in about["report"]:
        yield len(line) == 2 and all(map(_is_plain, line))  # noqa: PLR2004 - a label and a text
    for columns in names.values():
        yield isinstance(columns, list) and all(map(_is_plain, columns))
    yield _is_plain(about["column"])
    yield all(map(_is_count, (*(bad[name] for name in ("row", "step", "env", "column")), about["num_envs"])))
    yield bad["row"] < rows
    yield bad["column"] < found.tensors[bad["tensor"]].shape[2]
    yield int(found.envs[0]) == bad["env"]
    yield all(isinstance(number, (str, float, int)) for number in (bad["value"], about["limit"]))
    yield not math.isnan(float(about["limit"])) and isinstance(float(bad["value"]), float)
    yield _is_count(about["exact_from"]) and about["exact_from"] <= rows
    yield (begin is None) == (about["snapshot_row"] is None)
    yield begin is None or (_is_count(begin) and _is_count(about["snapshot_row"]))
    yield begin is None or about["snapshot_row"] <= rows


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < _COUNTS


def _is_plain(text: object) -> bool:
    """Whether it is a text with nothing in it that a terminal would obey."""
    return isinstance(text, str) and text.isprintable()


def _is_numbers(array: np.ndarray, *, also: str = "") -> bool:
    """Whether torch can take an array."""
    most = 16 if array.dtype.kind == "c" else 8  # bytes
    return array.dtype.kind in f"biuf{also}" and array.dtype.isnative and array.dtype.itemsize <= most
