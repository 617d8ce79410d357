"""Options, progress and output that the planning commands share."""

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
    "add_factory_options",
    "add_measurement_options",
    "add_output_options",
    "add_working_directory_to_path",
    "check_file",
    "check_output_options",
    "parse_widths",
    "print_report",
    "show_progress",
    "write_json",
]

LIMIT = {True: 120.0, False: 600.0}
"""Default time limit in seconds: of a factory, and of a command."""


def add_measurement_options(parser: argparse.ArgumentParser, *, figure: str) -> None:
    """Add the options of a command that measures a target."""
    add_factory_options(parser)
    parser.add_argument(
        "--limit",
        type=positive_number,
        metavar="SECONDS",
        help="time that a run may take (default: 120, or 600 for a command)",
    )
    add_output_options(parser, figure=figure)


def add_factory_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that passes arguments on to a factory."""
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="pass this on to the factory; a VALUE is JSON or text",
    )


def add_output_options(parser: argparse.ArgumentParser, *, figure: str) -> None:
    """Add the options that say where results go."""
    parser.add_argument("--json", metavar="FILE", help="write all of it as JSON; - is standard output")
    parser.add_argument(
        "--plot", metavar="FILE", help=f"draw the {figure} into FILE.svg or FILE.png (needs stepscope[plot])"
    )


def parse_widths(text: str) -> tuple[int, ...]:
    """Parse the widths of hidden layers, separated by commas; the ``type`` of an option."""
    return tuple(positive_integer(width) for width in text.split(","))


def add_working_directory_to_path() -> None:
    """Let a factory's module be in the working directory."""
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, here)


def check_output_options(options: argparse.Namespace) -> None:
    """Check, before anything runs for a while, that the results can be written, and the form of --policy.

    Raises
    ------
    BadInputError
        The policy is not ``module:factory``, a file cannot be written, or matplotlib is missing.
    """
    policy = getattr(options, "policy", None)
    if policy is not None and not all(policy.partition(":")):
        raise BadInputError(f"--policy {_shown(policy)!r} is not module:factory.")
    if options.json not in (None, "-"):
        check_file(options.json)
    if options.plot is not None:
        if Path(options.plot).suffix.lower() not in (".svg", ".png"):
            raise BadInputError(
                f"{_shown(options.plot)} is not a supported figure; its name must end in .svg or .png."
            )
        check_file(options.plot)
        require("matplotlib", extra="plot", what="--plot")


def _shown(text: str) -> str:
    return printable(text, limit=200)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (equals and all(part.isidentifier() for part in name.split("."))):
        raise argparse.ArgumentTypeError(f"{_shown(text)!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def check_file(path: str) -> None:
    """Check that a file can be written.

    Raises
    ------
    BadInputError
        It is a directory, or its directory does not exist.
    """
    if Path(path).is_dir():
        raise BadInputError(f"{_shown(path)} is a directory; give the name of a file.")
    if not Path(path).parent.is_dir():
        raise BadInputError(f"{_shown(path)} is not in an existing directory; create it or choose another.")


def print_report(rows: Sequence[Sequence[str]], lines: Iterable[ReportLine], *, left: Sequence[int]) -> None:
    """Print a table, with the columns `left` aligned to the left, and the lines of a report."""
    header, *body = columns(rows, left=left)
    print(painted(header, "bold"), *body, "", *format_lines(lines), sep="\n")


def write_json(path: str, value: dict[str, Any]) -> None:
    """Write JSON into a file, or to standard output for ``-``."""
    text = json.dumps(value, indent=1)
    if path == "-":
        print(text)
        return
    Path(path).write_text(text + "\n", encoding="utf-8")


def show_progress(text: str) -> None:
    """Replace the line of progress, on a terminal only."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
