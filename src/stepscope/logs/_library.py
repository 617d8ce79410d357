"""What is known of one library beyond how its lines look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stepscope.logs._blocks import Block, Context
    from stepscope.logs._lines import Line
    from stepscope.logs._records import Record
    from stepscope.logs._runs import Counters
    from stepscope.logs.minibatches import MinibatchRules

__all__ = ["Library", "Scalar", "UpdateCount", "VersionMarker"]


class Scalar(NamedTuple):
    """A number in an event file.

    Attributes
    ----------
    tag
        Its name.
    step
        Where it stands on the axis that the library itself uses for this tag.
    value
        The number as printed.
    """

    tag: str
    step: int
    value: float


class UpdateCount(NamedTuple):
    """A printed count of updates.

    Attributes
    ----------
    number
        As printed.
    counts
        What it counts: steps of the optimiser, or passes over a rollout with several of them.
    """

    number: int
    counts: Literal["steps", "passes"]


class VersionMarker(NamedTuple):
    """What tells the releases of a library apart.

    Attributes
    ----------
    since, until
        The first and the last release that print it so; None where that is open.
    labels
        Labels of an iteration that all have to be there.
    missing
        Labels of an iteration that have to be absent.
    text
        Beginning of a message.
    instead_of
        Beginning of a message that has to be absent between `text` and the first iteration.
    """

    since: str | None = None
    until: str | None = None
    labels: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    text: str = ""
    instead_of: str = ""


def _nothing(record: Record, own: Counters, before: Counters | None) -> dict[str, float]:  # noqa: ARG001 - derives nothing
    return {}


def _no_scalars(record: Record, env_steps: int | None) -> Iterator[Scalar]:  # noqa: ARG001 - writes none
    return iter(())


def _no_updates(record: Record) -> UpdateCount | None:  # noqa: ARG001 - prints none
    return None


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
    distribution
        What it is called in the package index.
    package
        Name that it is imported by, if that is not `key`.
    colour, colour_on_dark
        Its colour in every figure and table, such as ``#0072b2``, and another for dark pages and terminals if that
        one sinks into them.
    first_iteration
        Number of its first iteration.
    flushes
        Whether each line that it prints leaves the process at once, also into a pipe.
    prints_times
        Whether it prints what rollout and update took.
    no_reward
        Why a log of it may hold no reward.
    digits
        Label of a number that the releases up to the first of two print with all digits, later ones with three.
    markers
        What tells its releases apart; the recordings hold the proof of each.
    run_starts
        Beginnings of what it prints once, before it trains: after iterations, another run begins.
    run_ends
        Beginnings of what it prints when a training run has reached its end.
    derive
        Returns what follows for an iteration from its counters and those of the one before, under the name of the
        field that it completes or corrects.
    minibatches
        How its PPO cuts a rollout into minibatches; None if it does not train.
    updates
        Returns the updates that an iteration's record counts; None if it prints none, or if nothing tells what it counts.
    scalars
        Yields what a record holds under the tags of the event files that the library writes itself, given the
        environment steps of the latest iteration.
    """

    key: str
    name: str
    open_block: Callable[[Line, Context], Block | None]
    trains: bool = True
    distribution: str = ""
    package: str = ""
    colour: str = ""
    colour_on_dark: str = ""
    first_iteration: int = 1
    flushes: bool = True
    prints_times: bool = True
    no_reward: str = "not printed"
    markers: tuple[VersionMarker, ...] = ()
    digits: tuple[str, str, str] | None = None
    run_starts: tuple[str, ...] = ()
    run_ends: tuple[str, ...] = ()
    minibatches: MinibatchRules | None = None
    derive: Callable[[Record, Counters, Counters | None], dict[str, float]] = _nothing
    updates: Callable[[Record], UpdateCount | None] = _no_updates
    scalars: Callable[[Record, int | None], Iterator[Scalar]] = _no_scalars
