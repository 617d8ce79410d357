"""The command ``stepscope``: its parser, its exit status, and one sentence for each error.

Importing this module imports nothing that is not loaded already, since an interruption would show a traceback:
functions import what they need.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # as type checkers know it, without what `typing` imports
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from stepscope._common.arguments import Parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return its exit status: 2 when they are invalid.

    It is 1 when the output cannot be written.

    Without `arguments` this is a program, which Ctrl-C ends at once and without a word: a KeyboardInterrupt would be
    raised anywhere, also where modules are imported, and code that cannot pass it on prints it. Only a command that has
    something to clean up gets the exception.
    """
    try:
        return _main(arguments)
    except KeyboardInterrupt:
        return 130


def _main(arguments: Sequence[str] | None) -> int:
    import signal  # noqa: PLC0415 - see above

    from stepscope.errors import BadInputError  # noqa: PLC0415 - the same

    program = arguments is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if program:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stdout is None:  # closed by the parent process
        return _complain("standard output is closed; leave it open or send it to a file.", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that lacks a character shows "?" for it
    status = 0
    try:
        status = _run(arguments, program=program)
        sys.stdout.flush()
    except BadInputError as error:
        return max(_complain(str(sentence), 2) for sentence in error.args)
    except BrokenPipeError:  # the reader of our output has ended, such as `head`
        _drop_output()
    except OSError as error:  # errors of a log are BadInputErrors by now
        _drop_output()
        return _complain(f"the output cannot be written ({error.strerror or error}); write it elsewhere.", 1)
    return status


def _run(arguments: Sequence[str] | None, *, program: bool) -> int:
    import signal  # noqa: PLC0415 - see above

    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["bound"]:  # the former name of the command, understood until 0.2
        words[0] = "bottleneck"
    try:
        options = _parser(words).parse_args(words)
    except SystemExit:  # --help and --version end like this, after they printed
        return 0
    if not program or options.at_once:
        return _status(options)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return _status(options)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _status(options: argparse.Namespace) -> int:
    """Return the exit status of the command that was chosen."""
    if options.version:  # finding it takes longer than all else
        from stepscope import __version__  # noqa: PLC0415 - see above

        print(f"stepscope {__version__}")
        return 0
    return int(options.command(options))


def _complain(sentence: str, status: int) -> int:
    from stepscope._common import printable  # noqa: PLC0415 - see above

    if sys.stderr is not None:  # `print` would turn to standard output
        print(f"stepscope: {printable(sentence)}", file=sys.stderr)
    return status


def _drop_output() -> None:
    """Discard the rest of the output, which Python would try to write again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(words: Sequence[str]) -> Parser:
    from stepscope._common.arguments import Parser  # noqa: PLC0415 - see above
    from stepscope.commands import add_commands  # noqa: PLC0415 - the same

    parser = Parser(
        prog="stepscope",
        description="Read, measure and understand training in thousands of parallel environments.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="show program's version number and exit")
    parser.set_defaults(command=lambda _: _print_help(parser), at_once=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_commands(commands, words[0] if words else "")
    return parser


def _print_help(parser: Parser) -> int:
    parser.print_help()
    return 0
