"""Report on the first bad value."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stepscope.nans._causes import find_likely_cause
from stepscope.nans._first_bad import count_bad_envs, find_first_bad
from stepscope.nans._foreign import describe_error
from stepscope.nans._names import column_name, parse_tensor_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from stepscope.nans._causes import Cause
    from stepscope.nans._first_bad import BadValue
    from stepscope.nans._ring import History

__all__ = ["Report", "build_report"]

_SITE = "https://stepscope.github.io/stepscope/guide/nans.html"
_VALUES_BEFORE = 5
_STEPS_AFTER = 8
_LABEL_WIDTH = 16
_MAX_ACTIONS = 64


@dataclass(frozen=True, kw_only=True)
class Report:
    """Report on the first bad value.

    Attributes
    ----------
    bad
        The first bad value.
    limit
        Largest magnitude in its tensor that was not yet huge.
    column
        Name of its column.
    in_reset
        Whether it came with a reset of all environments, and not with a step.
    not_finite
        First NaN or infinity in the same environment, where `bad` is only huge; None if there is none yet.
    before
        Last finite values of the same column, as pairs of step and value, the latest last.
    action
        Action that the step began with, name to value, of all agents where there are several; empty for a reset.
    followers
        Number of environments with a bad value, in the step itself and in those after it.
    num_envs
        Number of environments.
    rank
        Rank of the process, where there are several.
    cause
        Likely cause, or None.
    dump
        File with the steps that led to the bad value, or None; the report in that file lacks it.
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
    dump: Path | None = None

    @property
    def headline(self) -> str:
        """Value, place and time in one line."""
        bad = self.bad
        when = f"in the reset after step {bad.step:,}" if self.in_reset else f"in step {bad.step:,}"
        where = f"{bad.tensor} {self.column} of environment {bad.env:,}"
        return f"{_KINDS[bad.kind]} in {where}, {when}" + ("" if self.rank is None else f", rank {self.rank}")

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of a label and a text."""
        yield "first bad value", f"{self.headline}: {_format_number(self.bad.value)}"
        if self.not_finite is not None:
            after = self.not_finite.step - self.bad.step
            when = {0: "in the same step", 1: "one step later"}.get(after, f"{after} steps later")
            yield "", f"it was huge first; {_KINDS[self.not_finite.kind]} followed {when}"
        if self.before:
            yield (
                "before it",
                ", ".join(f"{_format_number(value)} (step {step:,})" for step, value in self.before),
            )
        else:
            yield "before it", "nothing was recorded"
        if self.action:
            shown = [
                f"{name} {_format_number(value)}" for name, value in islice(self.action.items(), _MAX_ACTIONS)
            ]
            more = len(self.action) - len(shown)
            yield "action", ", ".join(shown) + (f" and {more:,} more" if more else "")
        yield "spreads to", _format_spread(self.followers, self.num_envs)
        if self.cause is None:
            yield "likely cause", f"none of the known ones; {_SITE}"
        else:
            yield "likely cause", f"{self.cause.name}: {self.cause.evidence}"
            yield "", f"{_SITE}#{self.cause.anchor}"
        if self.dump is not None:
            yield "steps saved in", str(self.dump)
            yield "replay them", f"stepscope replay {shlex.quote(str(self.dump))}"

    def __str__(self) -> str:
        """Return all lines, with labels in a column."""
        return "\n".join(f"{label:{_LABEL_WIDTH}}{text}".rstrip() for label, text in self.lines())

    @property
    def message(self) -> str:
        """All lines as an error shows them, beginning with the headline and without its label."""
        return str(self)[_LABEL_WIDTH:]


_KINDS = {"NaN": "NaN", "infinity": "infinity", "huge": "a huge value"}


def _drop_digits(value: float, *, exact: bool) -> float:
    """Return a number with no more digits than were kept."""
    return value if exact else float(f"{value:.3g}")


def _format_number(value: float) -> str:
    return f"{value:.6g}"


def _format_spread(followers: tuple[int, ...], num_envs: int) -> str:
    first, *later = followers
    text = f"{first:,} of {num_envs:,} environments at once"
    if later:
        text += f"; {', '.join(f'{count:,}' for count in later)} in the steps after it"
    return text


def build_report(
    history: History,
    limits: Mapping[str, float],
    names: Mapping[str, tuple[str, ...]],
    *,
    rank: int | None,
    since: int = 0,
    on_warning: Callable[[str], None],
) -> Report | None:
    """Return the report on the first bad value of a history, or None where there is none.

    Parameters
    ----------
    history
        Recorded rows.
    limits
        Largest magnitude that is not huge, by tensor.
    names
        Names of columns, by tensor, where they have some.
    rank
        Rank of the process, where there are several.
    since
        First row that was not checked before.
    on_warning
        Called with a sentence where the cause cannot be determined.
    """
    bad = find_first_bad(history, limits, since=since)
    if bad is None:
        return None
    values = history.tensors[bad.tensor][: bad.row, bad.env, bad.column]
    steps = history.steps[: bad.row]
    present = history.present[bad.tensor][: bad.row]
    before = (values.isfinite() & present).nonzero().flatten()[-_VALUES_BEFORE:].tolist()
    return Report(
        bad=bad,
        limit=limits.get(bad.tensor, math.inf),
        column=column_name(names.get(bad.tensor), bad.column),
        in_reset=bool(history.resets[bad.row]),
        not_finite=find_first_bad(history, limits, since=since, huge=False, env=bad.env)
        if bad.kind == "huge"
        else None,
        before=tuple(
            (int(steps[row]), _drop_digits(float(values[row]), exact=row >= history.exact_from))
            for row in before
        ),
        action=dict(_action_values(history, bad, names)),
        followers=tuple(count_bad_envs(history, limits, since=bad.row))[:_STEPS_AFTER],
        num_envs=len(history.tensors[bad.tensor][0]),
        rank=rank,
        cause=_find_cause(history, bad, on_warning),
    )


def _find_cause(history: History, bad: BadValue, on_warning: Callable[[str], None]) -> Cause | None:
    try:
        return find_likely_cause(history, bad)
    except Exception as error:  # noqa: BLE001 - the report is worth more than its cause
        on_warning(f"the cause cannot be determined: {describe_error(error)}")
        return None


def _action_values(
    history: History, bad: BadValue, names: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, float]]:
    for tensor, values in history.tensors.items():
        kind, agent, _ = parse_tensor_name(tensor)
        if kind == "actions" and bool(history.present[tensor][bad.row]):
            for column, value in enumerate(values[bad.row, bad.env]):
                yield f"{agent} {column_name(names.get(tensor), column)}".lstrip(), float(value)
