"""Command line of the scripts of the libraries: ``python -m matrix.LIBRARY VARIANT [--num-envs N ...]``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common.arguments import Parser, positive_integer
from stepscope.envs import CartPole
from stepscope.errors import BadInputError
from stepscope.train.experiments.fault_injection import FAULTS, FaultCounterEnv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Options", "main"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a run.

    Attributes
    ----------
    num_envs
        Environments.
    iterations
        Rollouts, each with an update.
    horizon
        Vector steps per rollout.
    seed
        Seed of all random numbers.
    fault
        Fault to inject, one of `stepscope.train.experiments.fault_injection.FAULTS`, or None.
    """

    num_envs: int
    iterations: int
    horizon: int
    seed: int
    fault: str | None = None

    def cartpole(self, **settings: Any) -> Any:  # noqa: ANN401 - or something that stands for it
        """Make the environments, with the fault."""
        env = CartPole(self.num_envs, **settings)
        env.reset(seed=self.seed)
        return env if self.fault is None else FaultCounterEnv(env, FAULTS[self.fault])


def main(variants: Mapping[str, Callable[[Options], object]], arguments: Sequence[str] | None = None) -> None:
    """Run one of the variants with the options of the command line."""
    parser = Parser(prog=f"python -m matrix.{Path(sys.argv[0]).stem}", allow_abbrev=False)
    parser.add_argument("variant", choices=variants, metavar="VARIANT", help=", ".join(variants))
    parser.add_argument("--num-envs", type=positive_integer, default=64)
    parser.add_argument("--iterations", type=positive_integer, default=12)
    parser.add_argument("--horizon", type=positive_integer, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", choices=FAULTS)
    try:
        settings = vars(parser.parse_args(arguments))
    except BadInputError as error:
        sys.stderr.write(f"matrix: {error}\n")
        sys.exit(2)
    variants[settings.pop("variant")](Options(**settings))
