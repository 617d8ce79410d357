"""Command ``stepscope memory``: count PyTorch's memory before anything runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stepscope._common import printable
from stepscope._common.arguments import Parser, positive_integer
from stepscope._common.images import is_image
from stepscope.commands._planning import (
    add_output_options,
    check_output_options,
    parse_widths,
    print_report,
    write_json,
)
from stepscope.plan.memory import (
    LIBRARIES,
    Training,
    estimate_memory,
    format_rows,
    report,
    split_release,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add", "parse_training"]

_ABOUT = "compute PyTorch's share of the memory before anything runs"
_MORE = (
    "Computes the bytes that PPO of one of four libraries needs for a rollout, for the copies and activations of its"
    " update, for its networks and its optimiser. The simulator is not included: stepscope fit measures a whole process. The exit status"
    " is 0, or 2 if the sizes are invalid."
)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("memory", help=_ABOUT, description=_MORE, allow_abbrev=False)
    _add_sizes(parser)
    add_output_options(parser, figure="memory against the number of environments")
    parser.set_defaults(command=_memory, at_once=True)


def parse_training(arguments: Sequence[str]) -> Training:
    """Return the training that arguments of the command describe, without its options for output.

    Raises
    ------
    BadInputError
        An argument is missing or wrong; the sentence is the command's.

    Examples
    --------
    >>> parse_training(["sb3", "--num-envs", "64", "--observation", "4", "--actions", "1"]).steps
    1536
    """
    parser = Parser(prog="stepscope memory", allow_abbrev=False)
    _add_sizes(parser)
    return _training(parser.parse_args(arguments))


def _add_sizes(parser: Parser) -> None:
    parser.add_argument(
        "library",
        type=_parse_library,
        metavar="LIBRARY",
        help=f"{', '.join(LIBRARIES)}; or a release of it, as in sb3==2.7.0",
    )
    parser.add_argument("--num-envs", type=positive_integer, required=True, metavar="N", help="environments")
    parser.add_argument(
        "--observation",
        type=_parse_shape,
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
        type=parse_widths,
        metavar="WIDTHS",
        help="widths of the hidden layers (default: 64,64; for images none behind three convolutions and 512)",
    )
    parser.add_argument(
        "--minibatches",
        type=positive_integer,
        default=4,
        metavar="M",
        help="parts that a rollout is cut into (default: %(default)s)",
    )
    parser.add_argument(
        "--dtype",
        choices=("uint8", "float32"),
        help="type of an image's numbers (default: uint8 where the library takes it, which rsl_rl and skrl do not)",
    )


def _training(options: argparse.Namespace) -> Training:
    library, release = options.library
    return Training(
        library=library,
        release=release,
        num_envs=options.num_envs,
        horizon=options.horizon,
        observation=options.observation,
        actions=options.actions,
        hidden=_hidden(options),
        minibatches=options.minibatches,
        dtype=options.dtype,
    )


def _memory(options: argparse.Namespace) -> int:
    check_output_options(options)
    estimate = estimate_memory(_training(options))
    if options.json is not None:
        write_json(options.json, to_json(estimate))
    if options.json != "-":
        print_report(format_rows(estimate), report(estimate), left=(0, 1, 4))
    if options.plot is not None:
        from stepscope.plan.memory.plot import draw  # noqa: PLC0415 - it imports matplotlib

        draw(estimate, path=options.plot)
        if options.json != "-":
            print(f"\nfigure saved as {printable(options.plot)}")
    return 0


def _hidden(options: argparse.Namespace) -> tuple[int, ...]:
    if options.hidden is not None:
        return options.hidden
    return () if is_image(options.observation) else (64, 64)


def _parse_library(text: str) -> tuple[str, str | None]:
    library, release = split_release(text)
    if library not in LIBRARIES:
        raise argparse.ArgumentTypeError(f"{library!r} is not one of {', '.join(LIBRARIES)}")
    return library, release


def _parse_shape(text: str) -> tuple[int, ...]:
    sizes = tuple(positive_integer(part) for part in text.split("x"))
    if len(sizes) != 1 and not is_image(sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is neither one number nor three, as in 3x84x84")
    return sizes
