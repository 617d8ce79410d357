"""The command ``stepscope``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

from stepscope import __version__
from stepscope.errors import BadInputError
from stepscope.logs import read
from stepscope.logs._summary import Summary
from stepscope.logs._table import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """Answers a wrong option with one sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise BadInputError(f"{message}; {self.prog} --help shows what there is.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name and return the exit status: 2 when they make no sense."""
    parser = _parser()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that lacks a character shows "?" for it
    try:
        options = parser.parse_args(arguments)
        command: Callable[[argparse.Namespace], None] = options.command
        command(options)
        sys.stdout.flush()
    except BadInputError as error:
        print(f"stepscope: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read our output has seen enough, `head` for one. Python would still try to flush the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="stepscope",
        description="Read, measure and understand training in thousands of parallel environments.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"stepscope {__version__}")
    parser.set_defaults(command=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_read(commands)
    return parser


def _add_read(commands: argparse._SubParsersAction[_Parser]) -> None:
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
        type=_positive,
        metavar="N",
        help="number of environments, which skrl does not print: its vector steps times N are env steps",
    )
    parser.set_defaults(command=_read)


def _read(options: argparse.Namespace) -> None:
    problems: list[str] = []
    for number, name in enumerate(options.logs):
        with _opened(name) as log:
            if options.json:
                _print_json(log, num_envs=options.num_envs)
                continue
            if len(options.logs) > 1:
                print(*[""] * (number > 0), _title(name), sep="\n")
            problem = _print_table(log, name=_title(name), num_envs=options.num_envs, everything=options.all)
            problems += [problem] if problem else []
    if problems:
        raise BadInputError("\n".join(problems))


def _print_json(log: IO[bytes], *, num_envs: int | None) -> None:
    live = not log.seekable()  # a pipe: somebody may be watching the run
    for record in read(log, num_envs=num_envs):
        print(record.to_json(), flush=live)


def _print_table(log: IO[bytes], *, name: str, num_envs: int | None, everything: bool) -> str | None:
    summary = Summary(name)
    empty = True
    for line in table(summary.watch(read(log, num_envs=num_envs)), everything=everything):
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
    """Open a log, and turn what the system says against it into a sentence."""
    try:
        if name == "-":
            yield sys.stdin.buffer
        else:
            with Path(name).open("rb") as file:
                yield file
    except FileNotFoundError:
        raise BadInputError(
            f"{name} does not exist; check the path, or give - to read standard input."
        ) from None
    except IsADirectoryError:
        raise BadInputError(f"{name} is a folder; give the file that holds the console output.") from None
    except PermissionError:
        raise BadInputError(f"{name} may not be read by you; change its permissions or copy it.") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BadInputError(
            f"{name} cannot be read ({error.strerror}); check the file and its disk."
        ) from None


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value
