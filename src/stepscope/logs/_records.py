"""What reading a log yields: one frozen record for each thing that was printed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "Fps", "Kind", "Record", "Seconds"]

SCHEMA = 1
"""Version of the fields below; it changes when one is renamed, removed or given another meaning."""

Kind = Literal["iteration", "checkpoint", "best_reward", "progress", "message", "failure", "unrecognised"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fps:
    """Rates, in environment steps per second; two scopes are never to be compared.

    Attributes
    ----------
    step
        Environment stepping only.
    rollout
        Stepping and policy inference.
    total
        Rollout and update.
    cumulative
        Everything since training began.
    """

    step: float | None = None
    rollout: float | None = None
    total: float | None = None
    cumulative: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """Durations, in seconds.

    Attributes
    ----------
    collect
        The rollout.
    learn
        The update.
    iteration
        Rollout and update together.
    elapsed
        Since training began.
    eta
        Until training ends, as the library estimates it.
    """

    collect: float | None = None
    learn: float | None = None
    iteration: float | None = None
    elapsed: float | None = None
    eta: float | None = None


_NO_FPS = Fps()
_NO_SECONDS = Seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One thing that a training library printed; what it did not print is None.

    Attributes
    ----------
    schema
        Version of these fields.
    library
        ``rl_games``, ``rsl_rl``, ``skrl`` or ``sb3``; ``isaaclab``, ``isaacgym``, ``kit``, ``mjlab`` or ``warp`` for
        what these print around them; None where the text does not tell.
    kind
        ``iteration``, ``checkpoint``, ``best_reward``, ``progress``, ``message``, ``failure`` (a traceback, or what else
        is printed when a process dies or a simulator loses its state)
        or ``unrecognised``.
    rank
        Process that printed it, in a run of several, where the text tells.
    run
        Which run of this log it belongs to, counted from 1: a log may hold several, one after the other.
    iteration
        Number of the iteration, as printed: RSL-RL counts from 0, the others from 1. skrl's bar counts vector steps.
    iterations
        How many iterations there will be, as printed; of skrl's bar, how many vector steps.
    env_steps
        Environment steps so far, as printed. RL-Games' PPO for continuous actions prints the count from before the
        iteration that it reports, so its first line says 0; the others print the count after it.
    fps
        Rates in environment steps per second, by scope.
    seconds
        Durations in seconds.
    reward
        Mean return of recent episodes; of a ``best_reward`` or ``checkpoint``, the reward that it is about.
    episode_length
        Mean length of recent episodes, in vector steps.
    metrics
        Every number printed in an iteration, in the printed order, under the printed label without its colon.
    derived
        What follows from the printed numbers and is not one of them, under the name of the field that it completes or
        corrects: ``fps.total``, ``env_steps``, ``seconds.eta``; ``seconds.elapsed`` from the times that a logger
        puts in front of lines; and ``cold``, which is 1 in the first iteration of a run, whose rates are not typical.
    text
        What was printed, without control codes; None for an ``iteration`` and for a ``progress`` that was read whole.
        Very long text keeps its beginning and its end, with ``…`` between.
    span
        First byte and the byte after the last, in the input; the spans of all records cover it exactly once.
    """

    schema: int = SCHEMA
    library: str | None = None
    kind: Kind
    rank: int | None = None
    run: int = 1
    iteration: int | None = None
    iterations: int | None = None
    env_steps: int | None = None
    fps: Fps = _NO_FPS
    seconds: Seconds = _NO_SECONDS
    reward: float | None = None
    episode_length: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[str, float] = field(default_factory=dict)
    text: str | None = None
    span: tuple[int, int]

    def to_dict(self) -> dict[str, object]:
        """Return the fields as values that JSON can hold; see `to_json`."""
        return {
            "schema": self.schema,
            "library": self.library,
            "kind": self.kind,
            "rank": self.rank,
            "run": self.run,
            "iteration": self.iteration,
            "iterations": self.iterations,
            "env_steps": self.env_steps,
            "fps": {name: _strict(getattr(self.fps, name)) for name in Fps.__slots__},
            "seconds": {name: _strict(getattr(self.seconds, name)) for name in Seconds.__slots__},
            "reward": _strict(self.reward),
            "episode_length": _strict(self.episode_length),
            "metrics": {label: _strict(value) for label, value in self.metrics.items()},
            "derived": {name: _strict(value) for name, value in self.derived.items()},
            "text": self.text,
            "span": list(self.span),
        }

    def to_json(self) -> str:
        """Return one line of strict JSON; a number that JSON lacks becomes ``"nan"``, ``"inf"`` or ``"-inf"``."""
        return json.dumps(self.to_dict(), allow_nan=False)


def _strict(value: float | None) -> float | str | None:
    # null would say that nothing was printed, and a bare NaN is not JSON.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
