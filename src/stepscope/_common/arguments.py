"""Arguments of commands: numbers, sizes, and one sentence for a wrong option."""

from __future__ import annotations

import argparse
import math
import re
import sys
from typing import Any, NoReturn

from stepscope._common.format import truncate
from stepscope.errors import BadInputError

__all__ = [
    "MOST",
    "CommandParser",
    "Parser",
    "positive_integer",
    "positive_number",
    "reward_threshold",
    "size_in_bytes",
]

MOST = 10**9
"""Largest number that `positive_integer` takes: no run has as many of anything that is asked for."""

_LONGEST = 41  # characters of an argument in a message
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """Answers a wrong option with one sentence instead of a page of usage.

    Raises
    ------
    BadInputError
        From `parse_args`, where argparse itself would print its usage and exit.
    """

    def error(self, message: str) -> NoReturn:
        """Raise the sentence."""
        raise BadInputError(f"{message}; see {self.prog} --help.")


class CommandParser(Parser):
    """Leaves the arguments after ``--`` alone: they are a command, with its own options."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - as argparse has it
        """Return the options, with the command in ``run``; None if there is no ``--``."""
        words = list(sys.argv[1:] if args is None else args)
        at = words.index("--") if "--" in words else len(words)
        options, rest = super().parse_known_args(words[:at], namespace)
        options.run = words[at + 1 :] if at < len(words) else None
        return options, rest


def positive_integer(text: str) -> int:
    """Parse a positive integer; the ``type`` of an option that counts something.

    Raises
    ------
    argparse.ArgumentTypeError
        If `text` is not an integer from 1 to `MOST`.

    Examples
    --------
    >>> positive_integer("512")
    512
    """
    try:
        value = int(text)
    except ValueError:  # also for more digits than Python converts
        value = 0
    if value > MOST:
        raise argparse.ArgumentTypeError(f"{truncate(text, _LONGEST)!r} is more than {MOST:,}")
    if value < 1:
        raise argparse.ArgumentTypeError(f"{truncate(text, _LONGEST)!r} is not a positive integer")
    return value


def positive_number(text: str) -> float:
    """Parse a positive number; the ``type`` of an option that measures something.

    Raises
    ------
    argparse.ArgumentTypeError
        If `text` is not a number above 0, or more than `MOST`.

    Examples
    --------
    >>> positive_number("1.5")
    1.5
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= MOST:
        raise argparse.ArgumentTypeError(
            f"{truncate(text, _LONGEST)!r} is not a positive number up to {MOST:,}"
        )
    return value


def reward_threshold(text: str) -> float:
    """Parse ``reward=R``; the ``type`` of an option that ends or measures at a mean reward.

    Raises
    ------
    argparse.ArgumentTypeError
        If `text` is not ``reward=R`` with a finite number.

    Examples
    --------
    >>> reward_threshold("reward=450"), reward_threshold("-3.5")
    (450.0, -3.5)
    """
    name, equals, value = text.partition("=")
    try:
        number = float(value if equals else name)
    except ValueError:
        number = math.nan
    if (equals and name != "reward") or not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{truncate(text, _LONGEST)!r} is not reward=R, such as reward=450")
    return number


def size_in_bytes(text: str) -> int:
    """Parse a number of bytes with a unit; the ``type`` of an option that is an amount of memory.

    Raises
    ------
    argparse.ArgumentTypeError
        If `text` is not an amount above 0 with a unit.

    Examples
    --------
    >>> size_in_bytes("8GiB"), size_in_bytes("1.5 kB")
    (8589934592, 1500)
    """
    match = _SIZE.fullmatch(text.strip())
    value = 0.0
    if match is not None and (match[2] or not match[3]):
        value = float(match[1]) * (1024 if match[3] else 1000) ** _POWERS.get(match[2].lower(), 0)
    if not 1 <= value <= MOST * 2**40:
        raise argparse.ArgumentTypeError(
            f"{truncate(text, _LONGEST)!r} is not an amount of memory, such as 8GiB or 500MB"
        )
    return int(value)
