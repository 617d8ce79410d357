"""``stepscope memory``: what PyTorch will take, before anything runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stepscope._arguments import positive_integer
from stepscope.commands._planning import add_outputs, check_outputs, show, widths, write
from stepscope.errors import BadInputError
from stepscope.plan.account import Training, account
from stepscope.plan.account._training import LIBRARIES
from stepscope.plan.account._words import as_json, report, rows

if TYPE_CHECKING:
    from stepscope._arguments import Parser

__all__ = ["add"]

_ABOUT = "count what PyTorch will take of memory, before anything runs"
_MORE = (
    "Counts, byte by byte, what PPO by one of four libraries stores of a rollout, what its update copies and keeps, its"
    " networks and its optimiser. The simulator is not in it: stepscope fit measures all of a process. The exit status"
    " is 0, or 2 if the sizes make no sense."
)
_IMAGE = 3


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("memory", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("library", choices=LIBRARIES, metavar="LIBRARY", help=", ".join(LIBRARIES))
    parser.add_argument("--num-envs", type=positive_integer, required=True, metavar="N", help="environments")
    parser.add_argument(
        "--observation",
        type=_shape,
        required=True,
        metavar="SIZE",
        help="numbers in an observation, such as 48; or an image, as channels, height and width, such as 3x84x84",
    )
    parser.add_argument(
        "--actions", type=positive_integer, required=True, metavar="A", help="numbers in an action"
    )
    parser.add_argument(
        "--horizon",
        type=positive_integer,
        default=24,
        metavar="H",
        help="vector steps per rollout (default: %(default)s)",
    )
    parser.add_argument(
        "--hidden",
        type=widths,
        metavar="WIDTHS",
        help="widths of the hidden layers (default: 64,64, and none behind the convolutions of images)",
    )
    parser.add_argument(
        "--minibatches",
        type=positive_integer,
        default=4,
        metavar="M",
        help="parts that a rollout is cut into (default: %(default)s)",
    )
    add_outputs(parser, figure="account against the number of environments")
    parser.set_defaults(command=_memory)


def _memory(options: argparse.Namespace) -> int:
    check_outputs(options)
    is_image = len(options.observation) == _IMAGE
    if is_image and options.library != "sb3":
        raise BadInputError(
            f"the networks for images are known of sb3 only, whose own they are; {options.library} takes the reader's."
        )
    training = Training(
        library=options.library,
        num_envs=options.num_envs,
        horizon=options.horizon,
        observation=options.observation,
        actions=options.actions,
        hidden=options.hidden if options.hidden is not None else () if is_image else (64, 64),
        minibatches=options.minibatches,
    )
    found = account(training)
    if options.json is not None:
        write(options.json, as_json(found))
    if options.json != "-":
        show(rows(found), report(found), left=(0, 1, 4))
    if options.plot is not None:
        from stepscope.plan.account._plot import draw  # noqa: PLC0415 - it imports matplotlib

        draw(found, path=options.plot)
        if options.json != "-":
            print(f"\nfigure saved as {options.plot}")
    return 0


def _shape(text: str) -> tuple[int, ...]:
    sizes = tuple(positive_integer(part) for part in text.split("x"))
    if len(sizes) not in (1, _IMAGE):
        raise argparse.ArgumentTypeError(f"{text!r} is neither one number nor three, as in 3x84x84")
    return sizes
