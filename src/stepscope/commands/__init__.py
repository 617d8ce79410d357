"""The commands of ``stepscope``, one module each.

A module has ``add(commands)``, which adds its parser to the sub-parsers `commands`
and sets ``command`` in it: a function of the parsed options that returns the exit status. It may also set ``at_once``,
which shows that Ctrl-C may end it anywhere, since it leaves nothing behind.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser

__all__ = ["add_commands"]

_NAMES = (
    "read",
    "explain",
    "watch",
    "compare",
    "fit",
    "bottleneck",
    "memory",
    "batches",
    "tune",
    "replay",
    "checkpoint",
    "doctor",
)  # as the help lists them


def add_commands(commands: argparse._SubParsersAction[Parser], first: str) -> None:
    """Add the command that `first` names, or every command if it names none.

    To import all of them takes several times as long as to read a log of usual length.
    """
    for name in (first,) if first in _NAMES else _NAMES:
        importlib.import_module(f"stepscope.commands.{name}").add(commands)
