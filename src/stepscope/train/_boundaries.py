"""Where the parts of an iteration begin and end in a library."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Boundaries"]


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """Calls at whose start or end a part of an iteration begins or ends, as ``"method:start"``.

    An agent that is asked for each action has no call around a rollout: it begins with the first question.

    Attributes
    ----------
    agent
        Class of the agent that has these methods.
    began, collected, ended
        Where the rollout begins, where it ends, and where the update ends.
    """

    agent: type
    began: str
    collected: str
    ended: str
