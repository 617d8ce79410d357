"""The command ``stepscope``."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stepscope import __version__
from stepscope._arguments import Parser, positive_integer
from stepscope.errors import BadInputError
from stepscope.logs import read
from stepscope.logs._summary import Summary
from stepscope.logs._table import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from stepscope.logs import Record

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return the exit status: 2 when they make no sense.

    It is 1 when what there is to say cannot be written.
    """
    if sys.stdout is None:  # closed by whoever started us
        return _complain("standard output is closed; leave it open or send it to a file.", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that lacks a character shows "?" for it
    try:
        with suppress(SystemExit):  # --help and --version end like this, after they printed
            options = _parser().parse_args(arguments)
            command: Callable[[argparse.Namespace], None] = options.command
            command(options)
        sys.stdout.flush()
    except BadInputError as error:
        return _complain(str(error), 2)
    except BrokenPipeError:  # whoever read our output has seen enough, `head` for one
        _drop_output()
    except OSError as error:  # errors of a log have become sentences of their own
        _drop_output()
        return _complain(f"the output cannot be written ({error.strerror or error}); write it elsewhere.", 1)
    except KeyboardInterrupt:
        return 130
    return 0


def _complain(sentence: str, status: int) -> int:
    if sys.stderr is not None:  # `print` would turn to standard output
        print(f"stepscope: {sentence}", file=sys.stderr)
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
    parser.set_defaults(command=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_read(commands)
    return parser


def _add_read(commands: argparse._SubParsersAction[Parser]) -> None:
    about = "show what RL-Games, RSL-RL, skrl or Stable-Baselines3 printed while training"
    parser = commands.add_parser(
        "read", help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False
    )
    parser.add_argument("logs", nargs="+", metavar="LOG", help="console output of a run; - is standard input")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--json", action="store_true", help="print every record as a line of JSON; spans are bytes of its LOG"
    )
    shape.add_argument("--all", action="store_true", help="show every row of a long table")
    parser.add_argument(
        "--num-envs",
        type=positive_integer,
        metavar="N",
        help="number of environments, which skrl does not print: its vector steps times N are env steps",
    )
    parser.set_defaults(command=_read)


def _read(options: argparse.Namespace) -> None:
    problems: list[str] = []
    for number, name in enumerate(options.logs):
        with _opened(name) as log:
            records = _records(log, name=name, num_envs=options.num_envs)
            if options.json:
                _print_json(records, live=not log.seekable())
                continue
            if len(options.logs) > 1:
                print(*[""] * (number > 0), _title(name), sep="\n")
            problem = _print_table(records, name=_title(name), everything=options.all)
            problems += [problem] if problem else []
    if problems:
        raise BadInputError("\n".join(problems))


def _print_json(records: Iterator[Record], *, live: bool) -> None:
    for record in records:
        print(record.to_json(), flush=live)  # a pipe is live: somebody may be watching the run


def _print_table(records: Iterator[Record], *, name: str, everything: bool) -> str | None:
    summary = Summary(name)
    empty = True
    for line in table(summary.watch(records), everything=everything):
        print(line)
        empty = False
    sentences = list(summary.sentences())
    if sentences and not empty:
        print()
    for sentence in sentences:
        print(sentence)
    return summary.problem()


def _title(name: str) -> str:
    return "standard input" if name == "-" else name


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """Open a log; standard input stays open afterwards."""
    if name == "-":
        if sys.stdin is None:  # closed by whoever started us
            raise BadInputError("standard input is closed; pipe a log into it, or give the path of a file.")
        yield sys.stdin.buffer
        return
    with _blamed(name):
        file = Path(name).open("rb")  # noqa: SIM115 - closed below, where an error is not the log's
    with file:
        yield file


def _records(log: IO[bytes], *, name: str, num_envs: int | None) -> Iterator[Record]:
    """Yield the records of a log; what goes wrong with those who take them is none of its fault."""
    with _blamed(name):
        yield from read(log, num_envs=num_envs)


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """Turn what the system says against a log into a sentence."""
    title = _title(name)
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(
            f"{title} does not exist; check the path, or give - to read standard input."
        ) from None
    except IsADirectoryError:
        raise BadInputError(f"{title} is a folder; give the file that holds the console output.") from None
    except PermissionError:
        raise BadInputError(f"{title} may not be read by you; change its permissions or copy it.") from None
    except OSError as error:
        raise BadInputError(
            f"{title} cannot be read ({error.strerror or error}); check the file and its disk."
        ) from None
