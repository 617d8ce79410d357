"""What ``stepscope fit`` and ``stepscope bottleneck`` share: the TARGET on their command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.arguments import CommandParser
from stepscope.commands._planning import here_on_path
from stepscope.plan import Target

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser

__all__ = ["add_command_with_target", "target_of"]


def add_command_with_target(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    *,
    about: str,
    description: str,
    epilog: str | None,
) -> CommandParser:
    """Add a command that takes a TARGET, a factory or whatever stands behind ``--``, and return its parser."""
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
        help="module:factory, which takes num_envs and returns something with reset() and step(action) in Gymnasium's"
        " vector convention; or, after --, a command with {num_envs} in it",
    )
    return parser


def target_of(options: argparse.Namespace) -> Target:
    """Return the TARGET that was given, whose module may stand in the working directory.

    Raises
    ------
    BadInputError
        There is none, or it is none.
    """
    here_on_path()
    return Target.parse(options.target, options.run)
