"""What is said of the first bad value: what it is, what stood before it, who follows, and what may be the cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stepscope.nans._causes import likely_cause
from stepscope.nans._errors import warn
from stepscope.nans._first_bad import bad_envs, first_bad
from stepscope.nans._flatten import column_name, name_parts
from stepscope.nans._foreign import describe_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepscope.nans._causes import Cause
    from stepscope.nans._first_bad import BadValue
    from stepscope.nans._ring import History

__all__ = ["Report", "report_on"]

_SITE = "https://stepscope.github.io/stepscope/guide/nans.html"
_BEFORE = 5  # values
_AFTER = 8  # steps
_LABEL = 16  # characters
_MOST_ACTIONS = 64  # that are shown


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is known of the first bad value.

    Attributes
    ----------
    bad
        The first bad value.
    limit
        The largest magnitude in its tensor that was not yet huge.
    column
        The name of its column.
    in_reset
        Whether it came with a reset of all environments, and not with a step.
    not_finite
        The first value of the same environment that is NaN or infinite, where `bad` is only huge; None if there is none
        yet.
    before
        The last finite values of the same column, as pairs of step and value, the latest last.
    action
        Name to value of the action that the step began with, of all agents where there are several; empty for a reset.
    followers
        In how many environments something is bad, in the step itself and in those after it.
    num_envs
        How many environments there are.
    rank
        Process, where there are several.
    cause
        The likely cause, or None.
    """

    bad: BadValue
    limit: float
    column: str
    in_reset: bool
    not_finite: BadValue | None
    before: tuple[tuple[int, float], ...]
    action: Mapping[str, float]
    followers: tuple[int, ...]
    num_envs: int
    rank: int | None
    cause: Cause | None

    @property
    def headline(self) -> str:
        """Say what, where and when in one line."""
        bad = self.bad
        when = f"in the reset after step {bad.step:,}" if self.in_reset else f"in step {bad.step:,}"
        where = f"{bad.tensor} {self.column} of environment {bad.env:,}"
        return f"{_KINDS[bad.kind]} in {where}, {when}" + ("" if self.rank is None else f", rank {self.rank}")

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of a label and what there is to say."""
        yield "first bad value", f"{self.headline}: {_number(self.bad.value)}"
        if self.not_finite is not None:
            after = self.not_finite.step - self.bad.step
            when = {0: "in the same step", 1: "one step later"}.get(after, f"{after} steps later")
            yield "", f"it was huge first; {_KINDS[self.not_finite.kind]} followed {when}"
        if self.before:
            yield "before it", ", ".join(f"{_number(value)} (step {step:,})" for step, value in self.before)
        else:
            yield "before it", "nothing was recorded"
        if self.action:
            shown = [f"{name} {_number(value)}" for name, value in islice(self.action.items(), _MOST_ACTIONS)]
            more = len(self.action) - len(shown)
            yield "action", ", ".join(shown) + (f" and {more:,} more" if more else "")
        yield "spreads to", _spread(self.followers, self.num_envs)
        if self.cause is None:
            yield "likely cause", f"none of those that are known; {_SITE}"
        else:
            yield "likely cause", f"{self.cause.name}: {self.cause.words}"
            yield "", f"{_SITE}#{self.cause.anchor}"

    def __str__(self) -> str:
        """Return all lines, with their labels in a column."""
        return "\n".join(f"{label:{_LABEL}}{text}".rstrip() for label, text in self.lines())

    @property
    def message(self) -> str:
        """All lines as an error says them, with the headline first and without its label."""
        return str(self)[_LABEL:]


_KINDS = {"NaN": "NaN", "infinity": "infinity", "huge": "a huge value"}


def _as_kept(value: float, exact: bool) -> float:  # noqa: FBT001 - what it was kept as
    """Return a number with no more digits than were kept."""
    return value if exact else float(f"{value:.3g}")


def _number(value: float) -> str:
    return f"{value:.6g}"


def _spread(followers: tuple[int, ...], num_envs: int) -> str:
    first, *later = followers
    text = f"{first:,} of {num_envs:,} environments at once"
    if later:
        text += f"; {', '.join(f'{count:,}' for count in later)} in the steps after it"
    return text


def report_on(
    history: History,
    limits: Mapping[str, float],
    names: Mapping[str, tuple[str, ...]],
    *,
    rank: int | None,
    since: int = 0,
    say: Callable[[str], None] = warn,
) -> Report | None:
    """Return the report on what was recorded, or None where nothing in it is bad.

    Parameters
    ----------
    history
        What was recorded.
    limits
        Name of a tensor to the largest magnitude that is not huge.
    names
        Name of a tensor to those of its columns, where they have some.
    rank
        Process, where there are several.
    since
        The first row that was not looked at before.
    say
        Is called with a sentence where no cause can be looked for.
    """
    bad = first_bad(history, limits, since=since)
    if bad is None:
        return None
    values = history.tensors[bad.tensor][: bad.row, bad.env, bad.column]
    steps = history.steps[: bad.row]
    there = history.present[bad.tensor][: bad.row]
    kept = (values.isfinite() & there).nonzero().flatten()[-_BEFORE:]
    return Report(
        bad=bad,
        limit=limits.get(bad.tensor, math.inf),
        column=column_name(names.get(bad.tensor), bad.column),
        in_reset=bool(history.resets[bad.row]),
        not_finite=first_bad(history, limits, since=since, finite=False, only=bad.env)
        if bad.kind == "huge"
        else None,
        before=tuple(
            (int(steps[row]), _as_kept(float(values[row]), row >= history.exact_from)) for row in kept
        ),
        action=dict(_action(history, bad, names)),
        followers=tuple(bad_envs(history, limits, since=bad.row))[:_AFTER],
        num_envs=len(history.tensors[bad.tensor][0]),
        rank=rank,
        cause=_cause(history, bad, say),
    )


def _cause(history: History, bad: BadValue, say: Callable[[str], None]) -> Cause | None:
    try:
        return likely_cause(history, bad)
    except Exception as error:  # noqa: BLE001 - what was found is worth more than its cause
        say(f"no cause can be looked for: {describe_error(error)}")
        return None


def _action(
    history: History, bad: BadValue, names: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, float]]:
    for tensor, values in history.tensors.items():
        kind, agent, _ = name_parts(tensor)
        if kind == "actions" and bool(history.present[tensor][bad.row]):
            for number, value in enumerate(values[bad.row, bad.env]):
                yield f"{agent} {column_name(names.get(tensor), number)}".lstrip(), float(value)
