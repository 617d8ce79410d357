"""The commands of ``stepscope``, one module each.

A module has ``add(commands)``, which adds its parser to the sub-parsers `commands`
and sets ``command`` in it: a function of the parsed options that returns the exit status.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from stepscope._arguments import Parser

__all__ = ["add_all"]

_NAMES = ("read", "watch", "compare")


def add_all(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add every command, in the order in which the help lists them."""
    for name in _NAMES:
        if find_spec(module := f"{__name__}.{name}") is not None:
            import_module(module).add(commands)
