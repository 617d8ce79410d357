"""Command ``stepscope bottleneck``: find what limits a training run, from its rates at a few sizes."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.arguments import positive_integer
from stepscope.commands._planning import (
    LIMIT,
    add_measurement_options,
    check_output_options,
    parse_widths,
    print_report,
    show_progress,
    write_json,
)
from stepscope.commands._target import add_command_with_target, parse_target
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.plan.bottleneck import find_bottleneck, format_rows, measure_sizes, report, to_json

if TYPE_CHECKING:
    from stepscope._common.arguments import Parser
    from stepscope.plan.bottleneck import Measurement

__all__ = ["add"]

_ABOUT = "report what limits a run, from its rates at a few sizes"
_MORE = (
    "Runs a TARGET with a few numbers of environments, each in its own process, fits T(N) = a + b N to the time of"
    " a vector step, and reports what limits the rate and the gain from doubling N. For a factory, a small training"
    " loop is timed and split into stepping, inference and learning; for a command, the printed rates are read with"
    " their scope. Where there is a GPU the report shows how busy it was (NVML); for a factory on a CPU, which share of"
    " a vector step is Python. The exit status is 0, or 2 if the TARGET does not work."
)
_AFTER = (
    "A TARGET is a factory, such as stepscope.envs:CartPole, or a command after --, such as"
    " -- python train.py --num_envs {num_envs} --max_iterations 5, whose output stepscope read understands."
)
_SIZES = "256,512,1024,2048,4096"
_LOOP_OPTIONS = ("policy", "horizon", "hidden")


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = add_command_with_target(commands, "bottleneck", about=_ABOUT, description=_MORE, epilog=_AFTER)
    parser.add_argument(
        "--sizes",
        type=_parse_sizes,
        default=_parse_sizes(_SIZES),
        metavar="N,N,...",
        help=f"numbers of environments, at least three (default: {_SIZES})",
    )
    parser.add_argument(
        "--at",
        type=positive_integer,
        metavar="N",
        help="the size that the verdict is about (default: the largest)",
    )
    parser.add_argument(
        "--policy",
        metavar="MODULE:FACTORY",
        help="called with the environment, it returns the policy, a torch.nn.Module (default: a small one)",
    )
    parser.add_argument(
        "--horizon", type=positive_integer, metavar="H", help="vector steps per rollout (default: 16)"
    )
    parser.add_argument(
        "--hidden",
        type=parse_widths,
        metavar="W,W,...",
        help="widths of the hidden layers of the loop's own networks (default: 64,64)",
    )
    add_measurement_options(parser, figure="times")
    parser.set_defaults(command=_bottleneck)


def _bottleneck(options: argparse.Namespace) -> int:
    target = parse_target(options)
    factory = target.factory is not None
    _check_options(options, factory=factory)
    limit = options.limit or LIMIT[factory]
    settings = _loop_settings(options) if factory else {}
    try:
        measurements = measure_sizes(
            target, options.sizes, limit=limit, on_measurement=_report_progress, **settings
        )
    finally:
        show_progress("")
    verdict = find_bottleneck(_select_points(measurements), at=options.at)
    if options.json is not None:
        write_json(
            options.json, to_json(verdict, measurements, target=target, provenance=asdict(provenance()))
        )
    if options.json != "-":
        rows = format_rows(measurements)
        print_report(rows, report(verdict, measurements), left=(len(rows[0]) - 1,))
    if options.plot is not None:
        from stepscope.plan.bottleneck.plot import draw  # noqa: PLC0415 - it imports matplotlib

        draw(verdict, measurements, path=options.plot)
        if options.json != "-":
            print(f"\nfigure saved as {printable(options.plot)}")
    return 0


def _loop_settings(options: argparse.Namespace) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in _LOOP_OPTIONS}
    return {
        **{name: value for name, value in values.items() if value is not None},
        "options": dict(options.option),
    }


def _select_points(measurements: tuple[Measurement, ...]) -> list[Any]:
    points = [measurement.point for measurement in measurements if measurement.point is not None]
    last = measurements[-1]
    if last.problem and len(points) < 2:  # noqa: PLR2004 - a line
        raise BadInputError(f"with {last.num_envs:,} environments: {last.problem}")
    return points


def _check_options(options: argparse.Namespace, *, factory: bool) -> None:
    if not factory and (options.option or any(getattr(options, name) for name in _LOOP_OPTIONS)):
        raise BadInputError(
            "--policy, --horizon, --hidden and --option apply to a factory only; a command has its own options."
        )
    if options.at is not None and options.at not in options.sizes:
        raise BadInputError(f"--at {options.at} is not one of --sizes; add it there.")
    check_output_options(options)


def _parse_sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(positive_integer(size) for size in text.split(","))
    if len(set(sizes)) < max(len(sizes), 2):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of at least two different numbers, such as {_SIZES}"
        )
    return sizes


def _report_progress(measurement: Measurement) -> None:
    show_progress(f"N = {measurement.num_envs:,}: {measurement.problem or 'measured'}")
