"""Memory of a few steps of so many environments, each size in a fresh process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stepscope.measure import RETURNS_MEMORY, footprint_of, footprint_of_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stepscope.measure import Outcome
    from stepscope.plan._target import Target

__all__ = ["Load", "Memory", "Probe", "memory_of", "run_probe"]

Memory = Literal["host", "device"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Use of a factory's environments while they are measured; a command has its own.

    Attributes
    ----------
    policy
        ``"module:factory"``, called with the environment; it returns a function of observations that returns actions.
        None is random actions.
    horizon
        Vector steps of a rollout that is kept in memory, as training does; 0 keeps none.
    options
        More keyword arguments of the factory.
    """

    policy: str | None = None
    horizon: int = 0
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A size and how its process ended.

    Attributes
    ----------
    num_envs
        The size.
    outcome
        Footprint of the process, or what it died of.
    """

    num_envs: int
    outcome: Outcome

    @property
    def host_bytes(self) -> int:
        """Peak resident set."""
        return self.outcome.footprint.host_bytes if self.outcome.footprint else 0

    @property
    def device_bytes(self) -> int | None:
        """Peak memory of the GPU; None without a GPU or if none was used."""
        return (self.outcome.footprint.device_bytes if self.outcome.footprint else None) or None

    def bytes_of(self, memory: Memory) -> int:
        """Return the peak of one memory; 0 where none of it was used."""
        return self.host_bytes if memory == "host" else self.device_bytes or 0

    @property
    def before_bytes(self) -> int | None:
        """Resident set before the first environment was made; None for a command."""
        return None if self.outcome.result is None else int(self.outcome.result["before_bytes"])


def memory_of(
    factory: str,
    num_envs: int,
    *,
    policy: str | None = None,
    horizon: int = 0,
    options: Mapping[str, Any] | None = None,
    limit_seconds: float = 120.0,
    limit_bytes: int | None = None,
    limit_asked_bytes: int | None = None,
) -> Outcome:
    """Step so many environments a few times in a fresh process, and return its memory footprint.

    Parameters
    ----------
    factory
        ``"module:factory"``, which takes ``num_envs`` and returns an object with ``reset()`` and ``step(action)`` in
        Gymnasium's vector convention.
    num_envs
        Number of environments.
    policy
        ``"module:factory"``, called with the environment; it returns a function of observations that returns actions.
        None is random actions.
    horizon
        Vector steps of a rollout that is kept in memory, as training does; 0 keeps none.
    options
        More keyword arguments of the factory, as JSON can hold them.
    limit_seconds, limit_bytes, limit_asked_bytes
        As `stepscope.measure.footprint_of` has them.

    Returns
    -------
    Outcome
        Never an exception, whatever the process died of.

    Raises
    ------
    BadInputError
        The arguments do not fit in JSON, or this is not Linux.
    """
    return footprint_of(
        "stepscope.plan._rollout:roll_out",
        limit_seconds=limit_seconds,
        limit_bytes=limit_bytes,
        limit_asked_bytes=limit_asked_bytes,
        factory=factory,
        num_envs=num_envs,
        policy=policy,
        horizon=horizon,
        options=dict(options or {}),
    )


def run_probe(
    target: Target, num_envs: int, *, load: Load, limit_seconds: float, limit_bytes: int | None
) -> Probe:
    """Measure one size in its own process; its failure is a result as well."""
    limits: dict[str, Any] = {"limit_seconds": limit_seconds, "limit_bytes": limit_bytes}
    if target.factory is not None:
        outcome = memory_of(target.factory, num_envs, **vars(load), **limits)
    else:
        environment = {**RETURNS_MEMORY, **os.environ}
        outcome = footprint_of_command(target.command_for(num_envs), environment=environment, **limits)
    return Probe(num_envs=num_envs, outcome=outcome)
