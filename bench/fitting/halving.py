"""Try ever smaller sizes in one process until one fits, with accelerate: python -m fitting.halving JSON.

This is the process of the user's training: what kills it kills the search.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from accelerate.utils import find_executable_batch_size

from stepscope.errors import BadInputError
from stepscope.plan._rollout import roll_out

__all__: list[str] = []


def search(*, factory: str, start: int, horizon: int, halve: bool, options: dict[str, Any]) -> None:
    """Print each size as it is tried, and at last the one that fits."""
    size = start

    def half() -> int:
        nonlocal size
        size //= 2
        return size

    def attempt(batch_size: int) -> int:
        print(json.dumps({"tried": batch_size}), flush=True)
        try:
            roll_out(factory=factory, num_envs=batch_size, policy=None, horizon=horizon, options=options)
        except (
            BadInputError
        ) as error:  # an environment's own sentence: what it came from is what accelerate knows
            raise error.__cause__ or error from None
        return batch_size

    reduce = {"reduce_batch_size_fn": half} if halve else {}
    found = find_executable_batch_size(attempt, starting_batch_size=start, **reduce)()
    print(json.dumps({"fits": found}), flush=True)


if __name__ == "__main__":
    search(**json.loads(sys.argv[1]))
