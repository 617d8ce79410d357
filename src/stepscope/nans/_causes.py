"""Known causes of a bad value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from stepscope.nans._names import parse_tensor_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.nans._first_bad import BadValue
    from stepscope.nans._ring import History

__all__ = ["CAUSES", "Cause", "find_likely_cause"]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A known cause.

    Attributes
    ----------
    name
        Short name.
    evidence
        Observation that suggests it.
    anchor
        Section of the guide's page about NaN.
    """

    name: str
    evidence: str
    anchor: str


@dataclass(frozen=True, kw_only=True)
class _Context:
    """A recorded history with its bad value."""

    history: History
    bad: BadValue

    @property
    def row(self) -> int:
        return self.bad.row

    def values(self, name: str) -> torch.Tensor:
        """Return (T, columns) of a tensor, as float64, up to and including the bad row; 0 where it was absent."""
        return self.history.tensors[name][: self.row + 1, self.bad.env].double()

    def present(self, name: str) -> torch.Tensor:
        """Return (T,) bool, in which of those rows it was present."""
        return self.history.present[name][: self.row + 1]

    @property
    def actions(self) -> list[str]:
        """Names of the actions, of all agents, that have a size: those that are whole numbers are choices."""
        return [
            name
            for name, values in self.history.tensors.items()
            if parse_tensor_name(name).kind == "actions" and values.is_floating_point() and values.numel()
        ]

    @property
    def kind(self) -> str:
        return parse_tensor_name(self.bad.tensor).kind

    @property
    def state_is_finite(self) -> bool:
        """Whether some state was recorded, and is finite in the bad row."""
        states = [name for name in self.history.tensors if name.startswith("state/")]
        return bool(states) and all(bool(self.values(name)[-1].isfinite().all()) for name in states)


_FACTOR = 10.0
_RECENT_ROWS = 4
_MAX_ENVS = 256  # whose values show what is usual


def _policy(context: _Context) -> bool:
    """Whether an action is bad, and is not just as large as what was observed before it."""
    return context.kind == "actions" and not (context.bad.kind == "huge" and _outgrown(context))


def _first_action(context: _Context) -> bool:
    """Whether an action is bad before anything that was observed was recorded."""
    return context.kind == "actions" and not any(
        bool(context.present(name)[:-1].any())
        for name in context.history.tensors
        if name.startswith("observations")
    )


def _reward(context: _Context) -> bool:
    return context.kind == "rewards" and not _outgrown(context)


def _after_reset(context: _Context) -> bool:
    """Whether the row begins an episode of this environment: by a reset, or within the step that ended the last one.

    What grew until the episode ended belongs to that episode, and has ended it.
    """
    if bool(context.history.resets[context.row]):
        return True
    done = context.history.tensors.get("done")
    if done is None:
        return False
    before, now = (
        done[max(0, context.row - 1), context.bad.env].any(),
        done[context.row, context.bad.env].any(),
    )
    return bool(before) or (bool(now) and _is_sudden(context))


def _sensor(context: _Context) -> bool:
    """Whether an ordinary column is bad at once, and the state is not or the next reading is ordinary again."""
    if context.kind != "observations" or not _is_sudden(context):
        return False
    column = context.history.tensors[context.bad.tensor][:, context.bad.env, context.bad.column].double()
    present = context.history.present[context.bad.tensor]
    before, after = (
        column[: context.row][present[: context.row]],
        column[context.row + 1 :][present[context.row + 1 :]],
    )
    return context.state_is_finite or (len(after) > 0 and _is_ordinary(after[0], before))


def _is_sudden(context: _Context) -> bool:
    """Whether the column was as small as ever in the row before."""
    present = context.present(context.bad.tensor)[:-1]
    before = context.values(context.bad.tensor)[:-1, context.bad.column][present]
    return len(before) > 1 and _is_ordinary(before[-1], before)


def _is_ordinary(value: torch.Tensor, others: torch.Tensor) -> bool:
    return bool(value.abs() <= _FACTOR * others.abs().median().clamp(min=1.0))


def _feedback(context: _Context) -> bool:
    """Whether an action is observed in the next step, and actions grow."""
    return any(_is_fed_back(context, name) for name in context.actions)


def _is_fed_back(context: _Context, action: str) -> bool:
    actions = context.values(action)
    exact = context.history.exact_from
    return _grows(actions[context.present(action)]) and any(
        name.startswith("observations") and _holds(context.values(name)[exact:], actions[exact:])
        for name in context.history.tensors
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
    return len(sizes) > _RECENT_ROWS and bool(
        sizes[-1] > _FACTOR * sizes[:-_RECENT_ROWS].median().clamp(min=1e-6)
    )


def _drastic(context: _Context) -> bool:
    """Whether one of the last actions is far beyond the usual ones, and more so than what was observed before."""
    return _first_drastic_action(context) is not None and not _outgrown(context)


def _outgrown(context: _Context) -> bool:
    """Whether observations or the state are far beyond the usual ones, and were so before an action was.

    A policy answers such observations with actions that are as far beyond, which are then not the cause.
    """
    drastic = _first_drastic_action(context)
    row, least = (context.row + 1, _FACTOR**2) if drastic is None else (drastic[0], max(_FACTOR, drastic[1]))
    return any(
        bool((_excess(context, name, smallest=1.0)[:row][-_RECENT_ROWS:] > least).any())
        for name, values in context.history.tensors.items()
        if parse_tensor_name(name).kind in ("observations", "state")
        and values.is_floating_point()
        and values.numel()
    )


def _first_drastic_action(context: _Context) -> tuple[int, float] | None:
    """Return the first row with an action far beyond the usual ones, and how far, if one of the last rows has any."""
    if not context.actions:
        return None
    excess = torch.stack([_excess(context, name, smallest=1e-3) for name in context.actions]).amax(0)
    far = excess > _FACTOR
    if not far[-_RECENT_ROWS:].any():
        return None
    row = int(far.nonzero()[0])
    return row, float(excess[row])


def _excess(context: _Context, name: str, *, smallest: float) -> torch.Tensor:
    """Return (T,), how many times the usual size of its column the largest value of this environment is in each row.

    Usual is the median of all environments; of observations, that of the values that are not 0, because a contact has
    a force in few rows. Rows in which the tensor is absent have 0.
    """
    present = context.present(name)
    values = context.history.tensors[name][: context.row + 1]
    others = values[present][:, :: max(1, values.shape[1] // _MAX_ENVS)].double().abs().flatten(0, 1)
    counts = (
        others.isfinite() if parse_tensor_name(name).kind == "actions" else others.isfinite() & (others != 0)
    )
    usual = others.where(counts, torch.nan).nanmedian(0).values.nan_to_num(0).clamp(min=smallest)
    mine = context.values(name).abs().nan_to_num(nan=0, posinf=0) * present[:, None]
    return (mine / usual).amax(1)


def _unstable(context: _Context) -> bool:
    return context.kind in ("observations", "state") and (
        context.bad.kind == "huge" or not _is_sudden(context) or not context.state_is_finite
    )


# In order: clearer evidence comes first.
CAUSES: tuple[tuple[Callable[[_Context], bool], Cause], ...] = tuple(
    (matches, Cause(name=name, evidence=evidence, anchor=anchor))
    for matches, name, evidence, anchor in (
        (
            _feedback,
            "action feedback",
            "actions are observed in the next step, and grew until it happened",
            "the-action-is-observed",
        ),
        (
            _first_action,
            "the policy, or what it saw first",
            "the action is bad, and what was observed before it was not recorded: look at both",
            "the-policy-made-it",
        ),
        (
            _policy,
            "the policy",
            "the action is bad, and all that was observed before it is not: look at the weights and at losses",
            "the-policy-made-it",
        ),
        (_after_reset, "a reset", "the value belongs to the first step of an episode", "a-reset-made-it"),
        (
            _drastic,
            "a drastic action",
            "an action before it is more than ten times its usual size; what was observed before it is less unusual",
            "a-drastic-action",
        ),
        (
            _sensor,
            "a sensor without a reading",
            "it is bad from one step to the next, and what stands around it is not",
            "a-sensor-has-no-reading",
        ),
        (_reward, "a term of the reward", "only the reward is bad", "only-the-reward-is-bad"),
        (
            _outgrown,
            "an unstable simulation",
            "observations grew to over ten times their usual size before actions did: look at gains, timestep, contacts",
            "the-simulation-is-unstable",
        ),
        (
            _unstable,
            "an unstable simulation",
            "the state itself is bad, after ordinary actions: look at gains, timestep, contacts and overflows",
            "the-simulation-is-unstable",
        ),
    )
)


def find_likely_cause(history: History, bad: BadValue) -> Cause | None:
    """Return the first known cause for which there is evidence in the history, or None."""
    context = _Context(history=history, bad=bad)
    return next((cause for matches, cause in CAUSES if matches(context)), None)
