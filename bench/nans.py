"""What it costs to look for NaN: this recorder beside what others do, around the same environment, in one run.

Each is timed in blocks of steps that take turns, so that a busy moment of the machine strikes all of them alike.

    python bench/nans.py [--env stepscope.envs:CartPole] [--num-envs 4096] [--steps 200] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from rsl_rl.utils.utils import check_nan
from tensordict import TensorDict

from stepscope.evidence import provenance
from stepscope.measure._factory import made_by
from stepscope.nans import record

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[torch.Tensor], Any]

GOAL = 1.10
_ROUNDS = 15
_KEPT = 100  # steps, as mjlab's guard keeps them by default


def contenders(factory: str, num_envs: int, device: str) -> dict[str, Step]:
    """Return a step of each, around an environment of its own."""

    def make() -> Any:  # noqa: ANN401 - any environment
        env = made_by(factory, num_envs=num_envs, device=device, options={"seed": 0})
        env.reset(seed=0)
        return env

    bare = make()
    recorded = record(make(), folder=None)
    recorded.reset(seed=0)
    looking = record(make(), folder=None, every=1)
    looking.reset(seed=0)
    return {
        "nothing": bare.step,
        "stepscope.nans.record": recorded.step,
        "the same, looking at each step": looking.step,
        "RSL-RL's check_nan": _checked_by_rsl_rl(make()),
        "NumPy, as SB3's VecCheckNan": _checked_by_numpy(make()),
        "a copy of the state each step, as mjlab": _copied(make()),
    }


def _checked_by_rsl_rl(env: Any) -> Step:  # noqa: ANN401 - any environment
    """Do what its runner does after each step: look at observations, rewards and flags."""

    def step(actions: torch.Tensor) -> None:
        observations, rewards, terminated, truncated, _ = env.step(actions)
        groups = TensorDict({"policy": observations}, batch_size=[env.num_envs])
        check_nan(groups, rewards, (terminated | truncated).long())

    return step


def _checked_by_numpy(env: Any) -> Step:  # noqa: ANN401 - any environment
    """Do what the wrapper does: actions, observations and rewards are arrays, and each is looked at twice."""
    import numpy as np  # noqa: PLC0415 - only here

    def step(actions: torch.Tensor) -> None:
        observations, rewards, *_ = env.step(actions)
        for value in (actions, observations, rewards):
            array = value.cpu().numpy()
            if np.any(np.isnan(array)) or np.any(np.isinf(array)):
                raise ValueError

    return step


def _copied(env: Any) -> Step:  # noqa: ANN401 - any environment
    """Do what its guard does: clone the state of all environments, keep it, and look at it with the host."""
    kept: list[dict[str, torch.Tensor]] = []

    def step(actions: torch.Tensor) -> None:
        kept.append(env.snapshot())
        del kept[:-_KEPT]
        observations, *_ = env.step(actions)
        if bool((~observations.isfinite()).any()):
            raise ValueError

    return step


def timed(steps: dict[str, Step], actions: torch.Tensor, count: int) -> dict[str, list[float]]:
    """Return seconds for each step, round by round; all of them take turns."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(_ROUNDS + 1):
        for name, step in steps.items():
            if actions.is_cuda:
                torch.cuda.synchronize()
            began = time.perf_counter()
            for _ in range(count):
                step(actions)
            if actions.is_cuda:
                torch.cuda.synchronize()
            if number:  # the first round warms up
                taken[name].append((time.perf_counter() - began) / count)
    return taken


def main() -> None:
    """Print a line for each, and write all of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--env", default="stepscope.envs:CartPole", metavar="FACTORY")
    parser.add_argument("--steps", type=int, default=200, help="in a round")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    steps = contenders(options.env, options.num_envs, device)
    size = made_by(options.env, num_envs=1, device=device, options={}).single_action_space.shape[0]
    actions = 2 * torch.rand(options.num_envs, size, device=device) - 1
    taken = timed(steps, actions, options.steps)
    base = taken["nothing"]
    print(f"{options.num_envs} of {options.env} on {device}")
    for name, seconds in taken.items():
        # Ratios within a round, in which the machine was the same for all.
        ratios = sorted(each / bare for each, bare in zip(seconds, base, strict=True))
        print(
            f"{name:42}{1e6 * median(seconds):9.1f} us a step  {median(ratios):6.3f} of nothing"
            f"  ({ratios[len(ratios) // 4]:.3f} to {ratios[-1 - len(ratios) // 4]:.3f})"
        )
    print(f"the goal of the recorder is {GOAL} at 4096 environments")
    print(provenance())
    if options.json:
        options.json.write_text(
            json.dumps({"seconds": taken, "provenance": asdict(provenance())}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
