"""Command ``stepscope batches``: the settings of minibatches that a library accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._common.arguments import positive_integer
from stepscope.commands._planning import check_file, print_report, write_json
from stepscope.logs import LIBRARIES
from stepscope.plan.batches import check_setting, find_batches, format_rows, report, to_json

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser

__all__ = ["add"]

_ABOUT = "list the minibatch settings that a library accepts, with their updates per sample"
_MORE = (
    "Lists each setting of PPO by one of four libraries that divides a rollout evenly into minibatches, under the library's"
    " own names, next to its updates per sample and those of Isaac Lab's example configuration. The exit status is 0,"
    " or 2 if the library would refuse the setting."
)
_KEYS = [library.key for library in LIBRARIES if library.minibatches]
_SETTINGS = ", ".join(
    f"{library.key}: {library.minibatches.setting}" for library in LIBRARIES if library.minibatches
)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("batches", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("library", choices=_KEYS, metavar="LIBRARY", help=", ".join(_KEYS))
    parser.add_argument(
        "--num-envs", type=positive_integer, required=True, metavar="N", help="environments of each process"
    )
    parser.add_argument(
        "--horizon", type=positive_integer, required=True, metavar="H", help="vector steps per rollout"
    )
    parser.add_argument(
        "--setting",
        type=positive_integer,
        metavar="M",
        help=f"check this value of the library's own setting ({_SETTINGS})",
    )
    parser.add_argument(
        "--epochs",
        type=positive_integer,
        metavar="E",
        help="passes over a rollout (default: those of the example configuration)",
    )
    parser.add_argument(
        "--ranks", type=positive_integer, default=1, metavar="R", help="processes (default: %(default)s)"
    )
    parser.add_argument("--recurrent", action="store_true", help="the policy is recurrent")
    parser.add_argument(
        "--sequence-length",
        type=positive_integer,
        metavar="S",
        help="vector steps in a sequence (rl_games: seq_length, by default 4; skrl: sequence_length)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all of it as JSON; - is standard output")
    parser.set_defaults(command=_batches, at_once=True)


def _batches(options: argparse.Namespace) -> int:
    if options.json not in (None, "-"):
        check_file(options.json)
    batches = find_batches(
        options.library,
        num_envs=options.num_envs,
        horizon=options.horizon,
        ranks=options.ranks,
        epochs=options.epochs,
        recurrent=options.recurrent,
        sequence_length=options.sequence_length,
    )
    setting = None if options.setting is None else check_setting(batches, options.setting)
    if options.json is not None:
        write_json(options.json, to_json(batches, setting))
    if options.json != "-":
        print_report(format_rows(batches, setting), report(batches, setting), left=())
    return 0
