"""What the commands that plan share beyond the TARGET: options, progress, and where results go."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.arguments import positive_integer, positive_number
from stepscope._common.optional import require
from stepscope.commands._screen import columns, format_lines, painted
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepscope._common.report import ReportLine

__all__ = [
    "LIMIT",
    "add_common",
    "add_options",
    "add_outputs",
    "check_file",
    "check_outputs",
    "here_on_path",
    "progress",
    "show",
    "widths",
    "write",
]

LIMIT = {True: 120.0, False: 600.0}
"""Seconds for a run of a factory, and of a command."""


def add_common(parser: argparse.ArgumentParser, *, figure: str) -> None:
    """Add the options of a command that measures a target."""
    add_options(parser)
    parser.add_argument(
        "--limit",
        type=positive_number,
        metavar="SECONDS",
        help="time that a run may take (default: 120, or 600 for a command)",
    )
    add_outputs(parser, figure=figure)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what passes options on to a factory."""
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="pass this on to the factory; a VALUE is JSON or text",
    )


def add_outputs(parser: argparse.ArgumentParser, *, figure: str) -> None:
    """Add the options that say where results go."""
    parser.add_argument("--json", metavar="FILE", help="write all of it as JSON; - is standard output")
    parser.add_argument(
        "--plot", metavar="FILE", help=f"draw the {figure} into FILE.svg or FILE.png (needs stepscope[plot])"
    )


def widths(text: str) -> tuple[int, ...]:
    """Return the widths of hidden layers, written with commas between them; the ``type`` of an option."""
    return tuple(positive_integer(each) for each in text.split(","))


def here_on_path() -> None:
    """Let a factory's module stand in the working directory."""
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, here)


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse, before anything runs for a while, what could not be written afterwards, and names that name nothing.

    Raises
    ------
    BadInputError
        The policy is no ``module:factory``, a file cannot be one, or matplotlib is missing.
    """
    policy = getattr(options, "policy", None)
    if policy is not None and not all(policy.partition(":")):
        raise BadInputError(f"--policy {_shown(policy)!r} names no function; write module:factory.")
    if options.json not in (None, "-"):
        check_file(options.json)
    if options.plot is not None:
        if Path(options.plot).suffix.lower() not in (".svg", ".png"):
            raise BadInputError(
                f"{_shown(options.plot)} does not end like a figure; give a name that ends in .svg or .png."
            )
        check_file(options.plot)
        require("matplotlib", extra="plot", what="--plot")


def _shown(text: str) -> str:
    return printable(text, limit=200)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"{_shown(text)!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def check_file(path: str) -> None:
    """Refuse the name of a file that could not be written.

    Raises
    ------
    BadInputError
        It is a folder, or lies in none that there is.
    """
    if Path(path).is_dir() or not Path(path).parent.is_dir():
        raise BadInputError(f"{_shown(path)} cannot be a file; give a name in a folder that exists.")


def show(table: Sequence[Sequence[str]], lines: Iterable[ReportLine], *, left: Sequence[int]) -> None:
    """Print a table, some of whose columns stand to the left, and what it comes to."""
    header, *rows = columns(table, left=left)
    print(painted(header, "bold"), *rows, "", *format_lines(lines), sep="\n")


def write(path: str, value: dict[str, Any]) -> None:
    """Write JSON into a file, or onto standard output for ``-``."""
    text = json.dumps(value, indent=1)
    if path == "-":
        print(text)
        return
    Path(path).write_text(text + "\n", encoding="utf-8")


def progress(text: str) -> None:
    """Show one line in place of the last one, on a terminal only."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
