"""``python -m matrix.isaaclab [VARIANT ...] [--check]``: run Isaac Lab, record and check what it prints."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matrix._commands import RECORDINGS, Command, Program, Transcript, main
from matrix.isaaclab.assets import make_assets
from matrix.isaaclab.recorded import copy_with_recorder

_ASSETS = RECORDINGS.parent / "_build" / "isaaclab" / "assets"
# Outside of this repository, whose name RSL-RL would print.
_EDITED = Path(tempfile.gettempdir()) / "stepscope-isaaclab"
_CARTPOLE = "Isaac-Cartpole-Direct"


def _train(
    variant: str,
    *overrides: str,
    task: str = _CARTPOLE,
    num_envs: int = 64,
    iterations: int = 8,
    horizon: int = 16,
    command: tuple[str, ...] = ("train",),
    exit_code: int = 0,
    cold: bool = False,
    unbuffered: bool = False,
    recorded: bool = False,
    mangled: int = 0,
) -> Command:
    """Return a training with RSL-RL; the overrides are Hydra's, or further options."""
    arguments = (*command, "--rl_library", "rsl_rl", "--task", task, "--num_envs", str(num_envs))
    return Command(
        variant=variant,
        arguments=(
            *arguments,
            "--max_iterations",
            str(iterations),
            "--device",
            "cpu",
            "agent.device=cpu",
            *overrides,
        ),
        settings={"task": task, "num_envs": num_envs, "iterations": iterations, "horizon": horizon},
        exit_code=exit_code,
        cold=cold,
        unbuffered=unbuffered,
        recorded=recorded,
        mangled=mangled,
    )


def _benchmark(variant: str, workflow: str, *options: str) -> Command:
    arguments = ("benchmark", workflow, "--task", _CARTPOLE, "--num_envs", "64", "--device", "cpu", *options)
    return Command(variant=variant, arguments=arguments, settings={"task": _CARTPOLE, "num_envs": 64})


def _overflow(variant: str, *, unbuffered: bool, mangled: int = 0) -> Command:
    """Return a training whose solver has room for four rows of constraints and two contacts in each world."""
    return _train(
        variant,
        "env.sim.physics.solver_cfg.njmax=4",
        "env.sim.physics.solver_cfg.nconmax=2",
        task="Isaac-Ant-Direct",
        num_envs=16,
        iterations=2,
        horizon=32,
        unbuffered=unbuffered,
        mangled=mangled,
    )


# What each library needs on a CPU besides `--device cpu`, and with so few environments.
_OVERRIDES = {
    "rl_games": (
        "agent.params.config.device=cpu agent.params.config.device_name=cpu",
        "agent.params.config.minibatch_size=1024",
    ),
    "skrl": (),
    "sb3": ("agent.device=cpu",),
}


def _library(name: str, *shows: str) -> Transcript:
    """Return a training with another library, and what the reader takes from its log."""
    rows = (
        f"isaaclab train --rl_library {name} --task {_CARTPOLE} --num_envs 64",
        "--max_iterations 8 --device cpu",
        *_OVERRIDES[name],
        "> run.log 2>&1",
    )
    read = "stepscope read run.log" + (" --num-envs 64" if name == "skrl" else "")
    return Transcript(variant=f"read_{name}", lines=(" \\\n    ".join(rows), read), shows=shows)


# What the page "With Isaac Lab" shows.
_HERE = Path(__file__).parent
_TRAIN = f"""\\
    isaaclab train --rl_library rsl_rl --task {_CARTPOLE} \\
    --num_envs {{num_envs}} --device cpu agent.device=cpu"""
_TRANSCRIPTS = (
    Transcript(
        variant="fit",
        lines=(f"stepscope fit --budget 1500MiB --verify -- {_TRAIN} --max_iterations 2",),
        shows=(r"^largest num_envs +[\d,]+, limited by host memory", r"^verified +[\d,]+ environments fit"),
    ),
    Transcript(
        variant="bottleneck",
        lines=(f"stepscope bottleneck --sizes 256,1024,4096 -- {_TRAIN} --max_iterations 5",),
        shows=(r"^ +256 ", r"^ +4,096 "),
    ),
    Transcript(
        variant="watch",
        lines=(
            f"""stepscope watch -- \\
    isaaclab train --rl_library rsl_rl --task {_CARTPOLE} \\
    --num_envs 256 --device cpu agent.device=cpu --max_iterations 60""",
        ),
        shows=(r"^iteration 60 of 60, .* reward", r"\d s left$", r"^finished: "),
    ),
    Transcript(
        variant="tune",
        lines=(
            f"""stepscope tune --search num_envs=64,256 --until reward=1 \\
    --trial-seconds 240 --seeds 2 -- {_TRAIN} --seed {{seed}} \\
    --max_iterations 100000""",
        ),
        shows=(r"^search +2 trials of 2 combinations", r"^recommendation "),
    ),
    _library("rl_games", r"^library +RL-Games .* in Isaac Lab", r"^ +fps total ", r"^records .*\d messages$"),
    _library("skrl", r"^library +skrl, in Isaac Lab", r"^ +bar's rate ", r"^records .*\d messages$"),
    _library("sb3", r"^library +Stable-Baselines3.* in Isaac Lab", r"^records .*\d messages$"),
    Transcript(
        variant="nan_terms",
        lines=tuple(
            f"python faulty_tasks.py {name} 2>&1 | tail -8" for name in ("observation", "reward", "direct")
        ),
        files=(_HERE / "faulty_tasks.py",),
        shows=(
            r"NaN in observations/policy joint_vel_rel\[1\] of environment 7, in step 20",
            r"NaN in rewards/terms cart_vel of environment 7, in step 20",
            r"NaN in observations/policy \[3\] of environment 7, in step 20",
        ),
    ),
)

_BOTH_REPORTS = ("--benchmark_formatter", "schema,summary")

ISAACLAB = Program(
    library="isaaclab",
    distribution="isaaclab",
    program="isaaclab",
    packages=("isaaclab", "rsl-rl-lib", "newton", "mujoco-warp", "warp-lang"),
    commands=(
        _train("train"),
        _train("cold", iterations=3, cold=True),
        _train("managers", task="Isaac-Cartpole", iterations=3),
        _train("nan", "env.action_scale=1e38", exit_code=1),
        _train(
            "nan_recorded",
            "agent.save_interval=1",
            "env.sim.dt=0.0175",
            task="Isaac-Ant-Direct",
            iterations=20,
            horizon=32,
            exit_code=1,
            unbuffered=True,
            recorded=True,
        ),
        _overflow("overflow", unbuffered=False, mangled=2),
        _overflow("overflow_unbuffered", unbuffered=True),
        _benchmark("benchmark", "runtime"),
        _benchmark(
            "benchmark_summary", "runtime", "--num_steps", "200", "--measure_sync_step", *_BOTH_REPORTS
        ),
        _benchmark("benchmark_startup", "startup"),
        _train("benchmark_training", *_BOTH_REPORTS, command=("benchmark", "training")),
    ),
    transcripts=_TRANSCRIPTS,
    variables={"ISAACSIM_ASSET_ROOT": str(_ASSETS)},
    recorded={"PYTHONPATH": str(_EDITED)},
    paths={str(_ASSETS): "<assets>", str(_EDITED): "<packages>"},
)
"""What is run with Isaac Lab; the overflow runs are short, as they print hundreds of warnings an iteration."""

if __name__ == "__main__":
    make_assets(_ASSETS)
    copy_with_recorder(_EDITED)
    sys.exit(main(ISAACLAB))
