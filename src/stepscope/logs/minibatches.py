"""Description of how PPO of a library cuts a rollout into minibatches, in the words of that library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Group", "MinibatchRules", "Reference", "Refusal", "Rollout"]


@dataclass(frozen=True)
class Rollout:
    """A rollout of one process.

    Attributes
    ----------
    num_envs
        Environments.
    horizon
        Vector steps.
    sequence
        Vector steps in a sequence, where the library has a setting for it.
    recurrent
        Whether the policy is recurrent.
    """

    num_envs: int
    horizon: int
    sequence: int = 1
    recurrent: bool = False

    @property
    def samples(self) -> int:
        """Environment steps in it."""
        return self.num_envs * self.horizon


@dataclass(frozen=True)
class Group:
    """Minibatches of the same size.

    Attributes
    ----------
    number
        How many there are.
    samples
        Environment steps in each.
    """

    number: int
    samples: int


@dataclass(frozen=True)
class Refusal:
    """Reason why a setting does not work.

    Attributes
    ----------
    text
        What the library raises, word for word, or what it does instead if it raises nothing.
    error
        Name of the exception; empty if the library raises none and does not learn, either.
    """

    text: str
    error: str = ""


@dataclass(frozen=True)
class Reference:
    """A published example configuration.

    Attributes
    ----------
    task
        Name of the task in Isaac Lab.
    num_envs, horizon, setting, epochs
        Its values; `setting` is that of the minibatches.
    """

    task: str
    num_envs: int
    horizon: int
    setting: int
    epochs: int


@dataclass(frozen=True, kw_only=True)
class MinibatchRules:
    """How PPO of a library cuts a rollout into minibatches.

    The tests compare every rule with the installed release: they count the samples of each minibatch.

    Attributes
    ----------
    environments
        Name of the number of environments; each process has so many.
    horizon, setting, epochs
        Names of the settings: vector steps per rollout, the number or the size of minibatches, passes over a rollout.
    alternative
        Name of a setting that is read in its place if it is absent, per environment, and so fixes the number of
        minibatches; empty if there is none.
    fixes
        Whether `setting` is the ``"number"`` or the ``"size"`` of the minibatches.
    cut
        Returns the minibatches of one pass over a rollout for a value of `setting`, in their order, or why there are
        none.
    remainder
        Treatment of a rollout that cannot be cut evenly, in a few words.
    recurrent
        Rule for a recurrent policy, in a sentence; empty if the library has none.
    sequence
        Name of the setting for the length of a sequence; empty if there is none.
    default_sequence
        Its default, if the library applies it to every policy; None if it concerns only recurrent policies.
    early_stop
        Name of the setting that can end passes early; empty if there is none.
    early_stop_ends
        What it ends: the ``"current pass"`` or ``"all passes"``; empty if there is none.
    several_processes
        How training with several processes is switched on; empty if there is no way.
    references
        Example configurations; updates are compared with those of the first.
    """

    environments: str
    horizon: str
    setting: str
    epochs: str
    fixes: Literal["number", "size"]
    cut: Callable[[Rollout, int], tuple[Group, ...] | Refusal]
    remainder: str
    recurrent: str = ""
    alternative: str = ""
    sequence: str = ""
    default_sequence: int | None = None
    early_stop: str = ""
    early_stop_ends: Literal["", "current pass", "all passes"] = ""
    several_processes: str = ""
    references: tuple[Reference, ...] = ()
