"""Train the cart-pole on the command line: ``python -m stepscope.train LIBRARY``."""

from __future__ import annotations

import argparse
import importlib
import inspect
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common.arguments import Parser, positive_integer
from stepscope._common.callables import make_env
from stepscope._common.optional import install_command
from stepscope.errors import BadInputError
from stepscope.train._batches import minibatch_size
from stepscope.train._run import LIBRARIES, console_command

if TYPE_CHECKING:
    from collections.abc import Sequence


_YEAR = 365 * 24 * 3600.0


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:  # NumPy's limit, which three of the libraries seed
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer from 0 to 4294967295")
    return value


def _learning_rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _YEAR:  # torch counts in milliseconds
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def _folder(text: str) -> str:
    # Checked and not created: a call that is refused for another reason leaves nothing behind.
    path = Path(text).absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    if not existing.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be a directory, because {str(existing)!r} is a file"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be created, because {str(existing)!r} is not writable"
        )
    return text


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m stepscope.train",
        description="Train the cart-pole, or another environment, with one of the four libraries and print what that library prints.",
        allow_abbrev=False,
    )
    parser.add_argument("library", choices=LIBRARIES, metavar="LIBRARY", help=", ".join(LIBRARIES))
    parser.add_argument(
        "--env",
        default="stepscope.envs:CartPole",
        metavar="MODULE:FACTORY",
        help="takes num_envs and returns the environment to train on (default: the cart-pole)",
    )
    parser.add_argument(
        "--num-envs", type=positive_integer, default=256, help="environments (default: %(default)s)"
    )
    parser.add_argument(
        "--iterations",
        type=positive_integer,
        default=20,
        help="rollouts, each with an update (default: %(default)s)",
    )
    parser.add_argument(
        "--horizon", type=positive_integer, default=32, help="vector steps per rollout (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, help="seed of all random numbers (default: %(default)s)"
    )
    parser.add_argument(
        "--device", default=None, help="cpu, cuda or cuda:N (default: cuda where there is one)"
    )
    parser.add_argument(
        "--log-dir",
        type=_folder,
        default="runs",
        help="directory of checkpoints and event files (default: %(default)s)",
    )
    parser.add_argument(
        "--minibatches",
        type=positive_integer,
        default=argparse.SUPPRESS,
        help="parts of a rollout (default: 4)",
    )
    parser.add_argument(
        "--nproc",
        type=positive_integer,
        default=1,
        help="processes on this machine, started by torchrun: gloo on a CPU, NCCL on GPUs (default: 1)",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=None,
        help="seconds for which a process waits for another (default: torch's own, at least 10 minutes)",
    )
    # The options below belong to some libraries only: an absent one leaves the library's own default.
    absent = argparse.SUPPRESS
    parser.add_argument(
        "--learning-rate",
        type=_learning_rate,
        default=absent,
        help="learning rate (default: 0.001; sb3 sac and dqn: their own)",
    )
    parser.add_argument(
        "--checkpoint-every", type=positive_integer, default=absent, help="iterations between two checkpoints"
    )
    parser.add_argument("--algorithm", default=absent, help="sb3 only: ppo, sac or dqn")
    parser.add_argument(
        "--episode-terms", action="store_true", default=absent, help="rsl_rl only: print extra terms"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train with these arguments; the exit status is 2 if they are invalid."""
    try:
        options = vars(_parser().parse_args(arguments))
        _train(options.pop("library"), options)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("stepscope"):
            raise  # a bug of ours, which no installation fixes
        print(
            f"stepscope.train: {error.name} is not installed; install it with {install_command('examples')}.",
            file=sys.stderr,
        )
        return 2
    except BadInputError as error:
        if os.environ.get("RANK", "0") == "0":  # once for all processes
            print(f"stepscope.train: {error}", file=sys.stderr)
        return 2
    return 0


def _train(library: str, options: dict[str, Any]) -> None:
    from stepscope._common.devices import usable_device  # noqa: PLC0415 - torch is slow to import and --help needs none
    from stepscope.train._processes import Rank, check_processes, join_processes, launch  # noqa: PLC0415 - as above

    rank = Rank.of_environment()
    nproc: int = options.pop("nproc")
    timeout: float | None = options.pop("timeout")
    if rank.count > 1 and nproc > 1:
        raise BadInputError("torchrun has started this process as one of several already; leave out --nproc.")
    several = max(nproc, rank.count) > 1
    device = usable_device(options["device"])
    if several:
        local = nproc if nproc > 1 else int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        check_processes(library, local, options["device"])
        if rank.count > 1 and device.type == "cuda":
            device = usable_device(f"cuda:{rank.local}")
    del options["device"]
    with join_processes(library, device, rank, timeout=timeout):
        module = importlib.import_module(f"stepscope.train.{library}")
        for name in options.keys() - inspect.signature(module.train).parameters.keys() - {"num_envs", "env"}:
            raise BadInputError(f"{library} has no option --{name.replace('_', '-')}; leave it out.")
        if nproc > 1:
            # Checked here, so that a wrong call is answered with one sentence and not with torchrun's report.
            minibatch_size(
                num_envs=options["num_envs"],
                horizon=options["horizon"],
                minibatches=options.get("minibatches", 4),
                sequence=getattr(module, "SEQUENCE", 1),
            )
            settings = {**options, "device": device.type, "timeout": timeout}
            launch(console_command(library, settings)[2:], nproc=nproc)

        env = make_env(options.pop("env"), num_envs=options.pop("num_envs"), device=device, options={})
        seed: int = options.pop("seed") + rank.index  # otherwise all processes would collect the same
        module.train(env, seed=seed, **options)


if __name__ == "__main__":
    sys.exit(main())
