"""The cart-pole with whichever version of RSL-RL is installed: ``python -m outputs.rsl_rl VARIANT``."""

from __future__ import annotations

from outputs._script import Options, main
from stepscope.envs import CartPole
from stepscope.train import rsl_rl


def default(options: Options) -> None:
    """Print what a run with its defaults prints."""
    rsl_rl.train(
        CartPole(options.num_envs), iterations=options.iterations, horizon=options.horizon, seed=options.seed
    )


if __name__ == "__main__":
    main({"default": default})
