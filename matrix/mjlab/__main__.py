"""``python -m matrix.mjlab [VARIANT ...] [--check]``: run mjlab, record and check what it prints."""

from __future__ import annotations

import sys

from matrix._commands import Command, Program, main


def _train(
    variant: str, *options: str, iterations: int = 8, exit_code: int = 0, cold: bool = False
) -> Command:
    """Return a training of the cart-pole on the CPU, with its scalars in event files."""
    task = "Mjlab-Cartpole-Balance"
    common = ("--gpu-ids", "None", "--agent.logger", "tensorboard")
    size = ("--env.scene.num-envs", "64", "--agent.max-iterations", str(iterations))
    return Command(
        variant=variant,
        arguments=(task, *size, *common, *options),
        settings={"task": task, "num_envs": 64, "iterations": iterations, "horizon": 32},
        exit_code=exit_code,
        cold=cold,
    )


MJLAB = Program(
    library="mjlab",
    distribution="mjlab",
    program="train",
    packages=("mjlab", "rsl-rl-lib", "mujoco-warp", "warp-lang"),
    commands=(
        _train("train"),
        _train("cold", iterations=3, cold=True),
        # Gravity of minus infinity: actions are clamped, and the cart-pole survives much.
        _train(
            "nan",
            "--env.sim.mujoco.gravity",
            "(0.0,0.0,-1e999)",
            "--enable-nan-guard",
            "True",
            "--env.sim.nan-guard.output-dir",
            "nan",
            iterations=3,
            exit_code=1,
        ),
    ),
)
"""What is run with mjlab."""

if __name__ == "__main__":
    sys.exit(main(MJLAB))
