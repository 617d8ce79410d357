"""What is known of one library beyond how its lines look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._counters import Counters
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record

__all__ = ["Library"]


def _nothing(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:  # noqa: ARG001 - derives nothing
    return {}


@dataclass(frozen=True, kw_only=True)
class Library:
    """A library that prints while robots are trained, and how it does.

    Attributes
    ----------
    key
        What it is called in records, on the command line and in `recordings/`.
    name
        Its name, as its authors write it.
    open_block
        Returns the block that a line opens, or None if this library does not print such a line.
    trains
        Whether it trains; the others are what a training runs in.
    run_starts
        Beginnings of what it prints once, before it trains: after iterations, another run begins.
    derive
        Returns what follows for an iteration from its counters and those of the one before, under the name of the
        field that it completes or corrects.
    """

    key: str
    name: str
    open_block: Callable[[Line, Context], Block | None]
    trains: bool = True
    run_starts: tuple[str, ...] = ()
    derive: Callable[[Record, Counters, Counters | None], dict[str, float]] = _nothing
