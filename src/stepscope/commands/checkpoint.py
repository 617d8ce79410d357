"""Command ``stepscope checkpoint``: test checkpoints for NaN and infinity."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope.commands._screen import columns, painted
from stepscope.errors import BadInputError
from stepscope.logs import library_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from stepscope._common.arguments import Parser
    from stepscope.nans import BadTensor, Checkpoint

__all__ = ["add"]

_SHOWN = 5  # bad tensors
_ENDINGS = (".pth", ".pt", ".zip", ".pickle")
_ABOUT = "test checkpoints for NaN and infinity, and find the last good one"
_MORE = (
    "Tests the weights, the normalisers and the optimizer's state in checkpoints of RL-Games (.pth), RSL-RL (.pt), skrl"
    " (.pt, .pickle) and Stable-Baselines3 (.zip), and in other files that torch.save wrote. It loads tensors only and runs"
    " no code of a file. The exit status is 1 if a tensor holds NaN or infinity, 2 if a FILE cannot be tested, and otherwise 0."
)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("checkpoint", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a checkpoint or a folder of them; of several in one folder, the last good one is named",
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each FILE instead")
    parser.set_defaults(command=_checkpoint, at_once=True)


def _checkpoint(options: argparse.Namespace) -> int:
    try:
        from stepscope.nans import inspect_checkpoint  # noqa: PLC0415 - it needs torch
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"stepscope checkpoint needs {error.name}; run it where you train, or install a build for the CPU with pip"
            f" install {error.name} --extra-index-url https://download.pytorch.org/whl/cpu."
        ) from error
    tested: list[Checkpoint] = []
    untested = False
    for name in _files(options.files):
        try:
            checkpoint = inspect_checkpoint(name)
        except BadInputError as error:
            untested = True
            print(f"stepscope: {printable(str(error))}", file=sys.stderr)
            continue
        tested.append(checkpoint)
    tested.sort(key=_order)
    if options.json:
        for checkpoint in tested:
            print(json.dumps(_to_dict(checkpoint)))
    else:
        for _, folder in groupby(tested, key=lambda one: one.path.parent):
            print(*_report(list(folder)), sep="\n")
    if any(checkpoint.bad for checkpoint in tested):
        return 1
    return 2 if untested else 0


def _files(names: Iterable[str]) -> Iterator[str]:
    """Yield the files, and in place of a folder the checkpoints in it; what lies deeper is left out."""
    for name in names:
        inside = sorted(Path(name).iterdir()) if Path(name).is_dir() else []
        checkpoints = [str(path) for path in inside if path.suffix in _ENDINGS]
        yield from checkpoints or [name]


def _order(checkpoint: Checkpoint) -> tuple[str, bool, int, str]:
    """By folder, then by the time at which it was saved; those that do not tell come last."""
    saved_at = checkpoint.saved_at
    return str(checkpoint.path.parent), saved_at is None, saved_at or 0, checkpoint.path.name


def _to_dict(checkpoint: Checkpoint) -> dict[str, Any]:
    return {**asdict(checkpoint), "path": str(checkpoint.path)}


def _report(checkpoints: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield the lines about the checkpoints of a folder; those of its first bad one name tensors."""
    from stepscope.nans import last_good  # noqa: PLC0415 - it needs torch

    yield painted(printable(f"{checkpoints[0].path.parent}{os.sep}"), "bold")
    first_bad = next((checkpoint for checkpoint in checkpoints if checkpoint.bad), None)
    for checkpoint, row in zip(
        checkpoints, columns(list(map(_cells, checkpoints)), left=range(4)), strict=True
    ):
        yield "  " + painted(row, "bad" if checkpoint.bad else "")
        if checkpoint is first_bad:
            yield from (
                f"      {printable(tensor.name)}: {_amount(tensor)}" for tensor in checkpoint.bad[:_SHOWN]
            )
            if (more := len(checkpoint.bad) - _SHOWN) > 0:
                yield f"      and {more} more tensor{'s'[: more != 1]}"
    if first_bad is not None and len(checkpoints) > 1:
        last = last_good(checkpoints)
        name = "none of these" if last is None else printable(last.path.name)
        yield painted(f"  last good: {name}", "warn" if last is None else "good")


def _cells(checkpoint: Checkpoint) -> tuple[str, str, str, str]:
    library = "" if checkpoint.library is None else library_name(checkpoint.library)
    saved_at = "" if checkpoint.saved_at is None else f"{checkpoint.unit} {checkpoint.saved_at:,}"
    tensors = f"{checkpoint.tensors:,} tensor{'s'[: checkpoint.tensors != 1]}"
    verdict = f"bad: {len(checkpoint.bad):,} of {tensors}" if checkpoint.bad else f"good: {tensors}"
    return printable(checkpoint.path.name), library, saved_at, verdict


def _amount(tensor: BadTensor) -> str:
    counts = {"NaN": tensor.nan, "infinity": tensor.infinite}
    return ", ".join(
        f"{what} in {'all' if count == tensor.numbers > 1 else f'{count:,} of'} {tensor.numbers:,}"
        for what, count in counts.items()
        if count
    )
