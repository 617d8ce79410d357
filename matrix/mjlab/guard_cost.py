"""CPU time of a step of mjlab's cart-pole: bare, with its NaN guard, and with a recorder of Stepscope.

The three take turns, so that all meet the same load; the ratio is the median of those of the turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import torch
from faulty_task import make_env  # type: ignore[import-not-found] # beside it

import stepscope.nans

STEPS = 16
TURNS = 9


def cpu_seconds(env: Any, actions: torch.Tensor) -> float:  # noqa: ANN401 - mjlab's
    """Return the CPU time of some steps of this process, in seconds."""
    began = time.process_time()
    for _ in range(STEPS):
        env.step(actions)
    return time.process_time() - began


def main() -> None:
    """Print a row for each number of environments, at the end."""
    rows = ["environments  bare step, ms  with NaN guard  with recorder"]
    for num_envs in (64, 1024):
        bare = make_env(num_envs, guard=False)
        guarded = make_env(num_envs)
        recorded = stepscope.nans.record(make_env(num_envs, guard=False))
        actions = torch.zeros(num_envs, 1)
        for env in (bare, guarded, recorded):
            env.reset(seed=0)
            cpu_seconds(env, actions)
        turns = [[cpu_seconds(env, actions) for env in (bare, guarded, recorded)] for _ in range(TURNS)]
        milliseconds = statistics.median(turn[0] for turn in turns) / STEPS * 1000
        guard, recorder = (statistics.median(turn[which] / turn[0] for turn in turns) for which in (1, 2))
        rows.append(f"{num_envs:12,}  {milliseconds:13.2f}  {guard:13.2f}x  {recorder:12.2f}x")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
