"""Logs on a command line: options, opening and reading, errors of the system."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.arguments import positive_integer
from stepscope.errors import BadInputError
from stepscope.logs import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stepscope._common.arguments import Parser
    from stepscope.logs import Record

__all__ = ["add_num_envs", "explained", "opened", "read_log", "title"]


def add_num_envs(parser: Parser) -> None:
    """Add the option that completes what skrl does not print."""
    parser.add_argument(
        "--num-envs",
        type=positive_integer,
        metavar="N",
        help="number of environments, which skrl does not print: its vector steps times N are env steps",
    )


def title(name: str) -> str:
    """Return the name of a log as it is shown."""
    return "standard input" if name == "-" else printable(name)


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a log; standard input stays open afterwards."""
    if name == "-":
        if sys.stdin is None:  # closed by the parent process
            raise BadInputError("standard input is closed; pipe a log into it, or give the path of a file.")
        yield sys.stdin.buffer
        return
    with explained(name):
        file = Path(name).open("rb")  # noqa: SIM115 - closed below, where an error is not the log's
    with file:
        yield file


def read_log(log: IO[bytes], *, name: str, num_envs: int | None) -> Iterator[Record]:
    """Yield the records of a log; an error of whoever takes them is not its own."""
    with explained(name):
        yield from read(log, num_envs=num_envs)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn an error of the system about a log into a message about it."""
    log = title(name)
    try:
        yield
    except FileNotFoundError:
        raise BadInputError(
            f"{log} does not exist; check the path, or give - to read standard input."
        ) from None
    except IsADirectoryError:
        raise BadInputError(f"{log} is a directory; give the file that holds the console output.") from None
    except PermissionError:
        raise BadInputError(f"{log} may not be read by you; change its permissions or copy it.") from None
    except OSError as error:
        raise BadInputError(
            f"{log} cannot be read ({error.strerror or error}); check the file and its disk."
        ) from None
