"""Summary statistics of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepscope.logs import Kind
    from stepscope.runs._failure import Failure
    from stepscope.runs._messages import MessageCluster, Place
    from stepscope.runs._rates import Rate, Scope, TimeShares
    from stepscope.runs._trends import MetricTrend
    from stepscope.runs._updates import Updates
    from stepscope.runs._versions import Versions

__all__ = ["Outcome", "RunSummary"]

Outcome = Literal["failed", "interrupted", "finished", "unfinished", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """Summary statistics of a run.

    Attributes
    ----------
    run
        Number of the run in its log, from 1.
    libraries
        Keys of the training libraries that printed into it, in order, each with the versions that print so, where
        that tells.
    runtimes
        Simulators and frameworks that printed into it: their keys, and the names in their messages.
    ranks
        Processes that printed, where the text tells.
    kinds
        How many records of each kind there are.
    unit
        What `begin`, `done` and `planned` count: ``iteration``, ``vector step`` or ``env step``.
    begin, done, planned
        The first count that was printed, how many are done, and how many there will be. ``done`` counts from one even
        where a library counts from zero.
    num_envs
        Number of environments, where it was printed.
    env_steps, env_steps_corrected
        Environment steps at the end: as printed, and corrected where the printed count lags.
    env_steps_per_iteration
        Environment steps of an iteration.
    seconds
        How long the run took so far, where that was printed.
    rates
        Rates by scope.
    reported
        Mean rates by scope in the last report of a benchmark, with the key of the library that reports.
    updates
        Updates per environment step or per rollout, where the log tells.
    time
        Shares of the time, where the log tells.
    reward, episode_length
        Trends of the means of recent episodes.
    best_reward
        Trend of the rewards that were announced as the best so far.
    last_checkpoint
        What was printed about the last checkpoint.
    outcome
        ``failed``: there is a traceback. ``interrupted``: it is that of Ctrl-C. ``finished``: all that was planned is
        done, or the library said so. ``unfinished``: neither. ``unknown``: the log does not tell what was planned.
    failure
        The first failure.
    warnings, early_warnings
        Clusters of warnings; and of numbers that are not finite, which announce a failure.
    more_warnings
        Warnings beyond those of `warnings`, whose texts differ too much.
    unrecognised
        The first line that was not recognised, with its place.
    """

    run: int
    libraries: tuple[tuple[str, Versions | None], ...]
    runtimes: tuple[str, ...]
    ranks: tuple[int, ...]
    kinds: dict[Kind, int]
    unit: str
    begin: int | None
    done: int | None
    planned: int | None
    num_envs: int | None = None
    env_steps: int | None
    env_steps_corrected: int | None
    env_steps_per_iteration: int | None
    seconds: float | None
    rates: tuple[Rate, ...]
    reported: tuple[tuple[str, tuple[tuple[Scope, float], ...]], ...]
    updates: Updates | None = None
    time: TimeShares | None
    reward: MetricTrend | None
    episode_length: MetricTrend | None
    best_reward: MetricTrend | None
    last_checkpoint: str | None
    outcome: Outcome
    failure: Failure | None
    warnings: tuple[MessageCluster, ...]
    more_warnings: int
    early_warnings: tuple[MessageCluster, ...]
    unrecognised: tuple[str, Place] | None

    @property
    def main_rate(self) -> Rate | None:
        """The rate that stands for the run: of an iteration as a whole, if there is one, else of all of it."""
        rates = {rate.scope: rate for rate in reversed(self.rates)}
        return next((rates[scope] for scope in ("total", "cumulative", "bar") if scope in rates), None)
