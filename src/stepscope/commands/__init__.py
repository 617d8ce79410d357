"""The commands of ``stepscope``, one module each.

A module has ``add(commands)``, which adds its parser to the sub-parsers `commands`
and sets ``command`` in it: a function of the parsed options that returns the exit status. It may also set ``at_once``,
which says that Ctrl-C may end it anywhere, since it leaves nothing behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.commands import bottleneck, compare, fit, memory, read, replay, watch

if TYPE_CHECKING:
    import argparse

    from stepscope._arguments import Parser

__all__ = ["add_all"]


def add_all(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add every command, in the order in which the help lists them."""
    for command in (read, watch, compare, fit, bottleneck, memory, replay):
        command.add(commands)
