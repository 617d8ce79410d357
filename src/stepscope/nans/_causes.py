"""What may have led to a bad value, among the causes that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from stepscope.nans._flatten import name_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.nans._first_bad import BadValue
    from stepscope.nans._ring import History

__all__ = ["CAUSES", "Cause", "likely_cause"]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A known cause.

    Attributes
    ----------
    name
        In a word or two.
    words
        What was seen that speaks for it.
    anchor
        The section of the guide's page about NaN that is about it.
    """

    name: str
    words: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What was recorded, and where in it the bad value is."""

    history: History
    bad: BadValue

    @property
    def row(self) -> int:
        return self.bad.row

    def of(self, name: str) -> torch.Tensor:
        """Return (T, columns) of a tensor, as float64, up to the bad row and with it; 0 where it was not there."""
        return self.history.tensors[name][: self.row + 1, self.bad.env].double()

    def is_there(self, name: str) -> torch.Tensor:
        """Return (T,) bool, in which of those rows it was there."""
        return self.history.present[name][: self.row + 1]

    @property
    def actions(self) -> list[str]:
        """Names of the actions, of all agents, that have a size: those that are whole numbers are choices."""
        return [
            name
            for name, values in self.history.tensors.items()
            if name_parts(name).kind == "actions" and values.is_floating_point() and values.numel()
        ]

    @property
    def kind(self) -> str:
        return name_parts(self.bad.tensor).kind

    @property
    def state_is_finite(self) -> bool:
        """Whether some state was recorded, and is finite in the bad row."""
        states = [name for name in self.history.tensors if name.startswith("state/")]
        return bool(states) and all(bool(self.of(name)[-1].isfinite().all()) for name in states)


_FACTOR = 10.0
_LATELY = 4  # rows


def _policy(seen: _Seen) -> bool:
    return seen.kind == "actions"


def _first_action(seen: _Seen) -> bool:
    """Whether an action is bad before anything that was observed was recorded."""
    return _policy(seen) and not any(
        bool(seen.is_there(name)[:-1].any())
        for name in seen.history.tensors
        if name.startswith("observations")
    )


def _reward(seen: _Seen) -> bool:
    return seen.kind == "rewards"


def _after_reset(seen: _Seen) -> bool:
    """Whether the row begins an episode of this environment: by a reset, or within the step that ended the last one.

    What grew until the episode ended belongs to that episode, and has ended it.
    """
    if bool(seen.history.resets[seen.row]):
        return True
    done = seen.history.tensors.get("done")
    if done is None:
        return False
    before, now = done[max(0, seen.row - 1), seen.bad.env].any(), done[seen.row, seen.bad.env].any()
    return bool(before) or (bool(now) and _is_sudden(seen))


def _sensor(seen: _Seen) -> bool:
    """Whether an ordinary column is bad at once, and the state is not or the next reading is ordinary again."""
    if seen.kind != "observations" or not _is_sudden(seen):
        return False
    column = seen.history.tensors[seen.bad.tensor][:, seen.bad.env, seen.bad.column].double()
    there = seen.history.present[seen.bad.tensor]
    before, after = column[: seen.row][there[: seen.row]], column[seen.row + 1 :][there[seen.row + 1 :]]
    return seen.state_is_finite or (len(after) > 0 and _is_ordinary(after[0], before))


def _is_sudden(seen: _Seen) -> bool:
    """Whether the column was as small as ever in the row before."""
    there = seen.is_there(seen.bad.tensor)[:-1]
    before = seen.of(seen.bad.tensor)[:-1, seen.bad.column][there]
    return len(before) > 1 and _is_ordinary(before[-1], before)


def _is_ordinary(value: torch.Tensor, others: torch.Tensor) -> bool:
    return bool(value.abs() <= _FACTOR * others.abs().median().clamp(min=1.0))


def _feedback(seen: _Seen) -> bool:
    """Whether an action is observed in the next step, and actions grow."""
    return any(_is_fed_back(seen, name) for name in seen.actions)


def _is_fed_back(seen: _Seen, action: str) -> bool:
    actions = seen.of(action)
    exact = seen.history.exact_from
    return _grows(actions[seen.is_there(action)]) and any(
        name.startswith("observations") and _holds(seen.of(name)[exact:], actions[exact:])
        for name in seen.history.tensors
    )


def _holds(observations: torch.Tensor, actions: torch.Tensor) -> bool:
    """Whether some column of the observations is an action of the same row, wherever both are finite."""
    least = 3
    for action in actions.T[:, :, None]:
        finite = observations.isfinite() & action.isfinite() & (action != 0)
        same = (observations == action) | ~finite
        if bool((same.all(0) & (finite.sum(0) >= least)).any()):
            return True
    return False


def _grows(values: torch.Tensor) -> bool:
    sizes = values.abs().amax(1)
    sizes = sizes[sizes.isfinite()]
    return len(sizes) > _LATELY and bool(sizes[-1] > _FACTOR * sizes[:-_LATELY].median().clamp(min=1e-6))


def _drastic(seen: _Seen) -> bool:
    """Whether one of the last actions is far beyond those of the other environments."""
    return any(_is_far_beyond(seen, name) for name in seen.actions)


def _is_far_beyond(seen: _Seen, action: str) -> bool:
    there = seen.is_there(action)
    if not there.any():
        return False
    mine = seen.of(action)[there][-_LATELY:].abs()
    others = seen.history.tensors[action][: seen.row + 1][there].double().abs().flatten(0, 1)
    usual = others.where(others.isfinite(), torch.nan).nanmedian(0).values  # column by column
    return bool((mine > _FACTOR * usual.clamp(min=1e-3)).any())


def _unstable(seen: _Seen) -> bool:
    return seen.kind in ("observations", "state") and (
        seen.bad.kind == "huge" or not _is_sudden(seen) or not seen.state_is_finite
    )


# In order: what speaks for a cause more clearly comes first.
CAUSES: tuple[tuple[Callable[[_Seen], bool], Cause], ...] = (
    (
        _feedback,
        Cause(
            name="action feedback",
            words="actions are observed in the next step, and grew until it happened",
            anchor="the-action-is-observed",
        ),
    ),
    (
        _first_action,
        Cause(
            name="the policy, or what it saw first",
            words="the action is bad, and what was observed before it was not recorded: look at both",
            anchor="the-policy-made-it",
        ),
    ),
    (
        _policy,
        Cause(
            name="the policy",
            words="the action is bad, and all that was observed before it is not: look at the weights and at losses",
            anchor="the-policy-made-it",
        ),
    ),
    (
        _after_reset,
        Cause(
            name="a reset",
            words="the value belongs to the first step of an episode",
            anchor="a-reset-made-it",
        ),
    ),
    (
        _drastic,
        Cause(
            name="a drastic action",
            words="the action before it is more than ten times as large as is usual",
            anchor="a-drastic-action",
        ),
    ),
    (
        _sensor,
        Cause(
            name="a sensor without a reading",
            words="it is bad from one step to the next, and what stands around it is not",
            anchor="a-sensor-has-no-reading",
        ),
    ),
    (
        _reward,
        Cause(
            name="a term of the reward",
            words="only the reward is bad",
            anchor="only-the-reward-is-bad",
        ),
    ),
    (
        _unstable,
        Cause(
            name="an unstable simulation",
            words="the state itself is bad, after ordinary actions: look at gains, timestep, contacts and overflows",
            anchor="the-simulation-is-unstable",
        ),
    ),
)


def likely_cause(history: History, bad: BadValue) -> Cause | None:
    """Return the first of the known causes that what was recorded speaks for, or None."""
    seen = _Seen(history=history, bad=bad)
    return next((cause for speaks, cause in CAUSES if speaks(seen)), None)
