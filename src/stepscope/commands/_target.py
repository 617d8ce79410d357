"""The TARGET on the command lines of ``stepscope fit`` and ``stepscope bottleneck``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.arguments import CommandParser
from stepscope.commands._planning import add_working_directory_to_path
from stepscope.plan import Target

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser

__all__ = ["add_command_with_target", "parse_target"]


def add_command_with_target(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    *,
    about: str,
    description: str,
    epilog: str | None,
) -> CommandParser:
    """Add a command that takes a TARGET, a factory or a command after ``--``, and return its parser."""
    commands.add_parser(name, help=about)
    parser = CommandParser(
        prog=f"stepscope {name}",
        usage=f"stepscope {name} [-h] [OPTIONS] (TARGET | -- COMMAND ...)",
        description=description,
        epilog=epilog,
        allow_abbrev=False,
    )
    commands.choices[name] = parser
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="module:factory, which takes num_envs and returns an object with reset() and step(action) in Gymnasium's"
        " vector convention; or, after --, a command with {num_envs} in it",
    )
    return parser


def parse_target(options: argparse.Namespace) -> Target:
    """Parse the TARGET, whose module may be in the working directory.

    Raises
    ------
    BadInputError
        It is missing or not valid.
    """
    add_working_directory_to_path()
    return Target.parse(options.target, options.run)
