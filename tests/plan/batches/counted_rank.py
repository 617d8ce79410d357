"""One of several processes that train, which writes what it counted; run by torchrun."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.optim.optimizer import register_optimizer_step_post_hook

from stepscope.envs import CartPole
from stepscope.train.__main__ import main

if TYPE_CHECKING:
    from torch import Tensor

_step = CartPole.step
counts = {"optimizer_steps": 0, "env_steps": 0}
inside = False


def _count_optimizer_step(*_: object) -> None:
    counts["optimizer_steps"] += 1


def _counting_step(env: CartPole, actions: Tensor) -> Any:  # noqa: ANN401 - whatever the environment returns
    global inside  # noqa: PLW0603 - the environment calls itself when it finds itself in inference mode
    if inside:
        return _step(env, actions)
    inside = True
    counts["env_steps"] += env.num_envs
    try:
        return _step(env, actions)
    finally:
        inside = False


if __name__ == "__main__":
    folder, *arguments = sys.argv[1:]
    CartPole.step = _counting_step  # type: ignore[method-assign]
    register_optimizer_step_post_hook(_count_optimizer_step)
    status = main(arguments)
    Path(folder, f"{os.environ['RANK']}.json").write_text(json.dumps(counts), encoding="utf-8")
    sys.exit(status)
