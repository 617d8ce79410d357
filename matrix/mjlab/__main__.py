"""``python -m matrix.mjlab [VARIANT ...] [--check]``: run mjlab, record and check what it prints."""

from __future__ import annotations

import sys
from pathlib import Path

from matrix._commands import Command, Program, Transcript, main


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


_HERE = Path(__file__).parent


def _nan(fault: str, *shows: str, report: bool = True) -> Transcript:
    """Return a run with a fault: what the guard prints, and what the recorder does."""
    run = f"python faulty_task.py {fault} 2> errors.txt | grep -e NanGuard -e recorder"
    return Transcript(
        variant=f"nan_{fault}",
        lines=(run, "tail -8 errors.txt") if report else (run,),
        files=(_HERE / "faulty_task.py",),
        shows=shows,
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
    transcripts=(
        _nan(
            "state",
            r"\[NanGuard\] Detected NaN/Inf at step 96$",
            r"\[NanGuard\] NaN/Inf found in envs: \[7\]",
            r"NaN in observations/actor cart_pos of environment 7, in step 20",
        ),
        _nan(
            "observation",
            r"\A.*\n.*\n.*NaN in observations/actor pole_vel of environment 7, in step 20",
        ),
        _nan("reward", r"\A.*\n64 steps without a report of the recorder$", report=False),
        Transcript(
            variant="fit",
            lines=(
                """stepscope fit --budget 1500MiB -- \\
    train Mjlab-Cartpole-Balance --env.scene.num-envs {num_envs} \\
    --agent.max-iterations 2 --gpu-ids None --agent.logger tensorboard""",
            ),
            shows=(r"^largest num_envs +[\d,]+, limited by host memory",),
        ),
        Transcript(
            variant="guard_cost",
            lines=("python guard_cost.py 2>&1 | tail -3",),
            files=(_HERE / "faulty_task.py", _HERE / "guard_cost.py"),
            shows=(r"^environments  bare step, ms", r"^ +64 ", r"^ +1,024 "),
        ),
    ),
)
"""What is run with mjlab."""

if __name__ == "__main__":
    sys.exit(main(MJLAB))
