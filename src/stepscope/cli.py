"""The command ``stepscope``: its parser, its exit status, and one sentence where something cannot work."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from stepscope import __version__
from stepscope._arguments import Parser
from stepscope._common import printable
from stepscope.commands import add_all
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return its exit status: 2 when they make no sense.

    It is 1 when what there is to say cannot be written.
    """
    if sys.stdout is None:  # closed by whoever started us
        return _complain("standard output is closed; leave it open or send it to a file.", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that lacks a character shows "?" for it
    status = 0
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except BadInputError as error:
        return max(_complain(str(sentence), 2) for sentence in error.args)
    except BrokenPipeError:  # whoever read our output has seen enough, `head` for one
        _drop_output()
    except OSError as error:  # errors of a log have become sentences of their own
        _drop_output()
        return _complain(f"the output cannot be written ({error.strerror or error}); write it elsewhere.", 1)
    except KeyboardInterrupt:
        return 130
    return status


def _run(arguments: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(arguments)
    except SystemExit:  # --help and --version end like this, after they printed
        return 0
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _complain(sentence: str, status: int) -> int:
    if sys.stderr is not None:  # `print` would turn to standard output
        print(f"stepscope: {printable(sentence)}", file=sys.stderr)
    return status


def _drop_output() -> None:
    """Let the rest of the output go nowhere: Python would try to write it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="stepscope",
        description="Read, measure and understand training in thousands of parallel environments.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"stepscope {__version__}")
    parser.set_defaults(command=lambda _: _print_help(parser))
    add_all(parser.add_subparsers(title="commands", metavar="COMMAND"))
    return parser


def _print_help(parser: Parser) -> int:
    parser.print_help()
    return 0
