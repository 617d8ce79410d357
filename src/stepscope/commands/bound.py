"""``stepscope bound``: what limits a training run, from its rates at a few sizes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._arguments import positive_integer, positive_number
from stepscope.commands._screen import columns, laid_out, painted
from stepscope.commands._target import add_command_with_target, target_of
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.export._needed import needed
from stepscope.plan._bound_measure import times_of
from stepscope.plan._bound_report import as_json, report, rows
from stepscope.plan.bound import bound

if TYPE_CHECKING:
    from stepscope._arguments import Parser
    from stepscope.plan._bound_measure import Measured
    from stepscope.plan.bound import Verdict

__all__ = ["add"]

_ABOUT = "say what limits a run, from its rates at a few sizes"
_MORE = (
    "Runs a TARGET with a few numbers of environments, each in a process of its own, fits T(N) = a + b N to the time of"
    " a vector step, and says what limits the rate and what doubling N would add. Around a factory a small training"
    " loop is timed, split into stepping, inference and learning; of a command the printed rates are read, with their"
    " scope. The exit status is 0, or 2 if the TARGET does not work or makes no sense."
)
_AFTER = (
    "A TARGET is the place of a factory, such as stepscope.envs:CartPole, or a command after --, such as"
    " -- python train.py --num_envs {num_envs} --max_iterations 5, which prints what stepscope read understands."
)
_SIZES = "256,512,1024,2048,4096"
_LIMIT = {True: 120.0, False: 600.0}  # seconds for a size of a factory, and of a command


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = add_command_with_target(commands, "bound", about=_ABOUT, description=_MORE, epilog=_AFTER)
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=_sizes(_SIZES),
        metavar="N,N,...",
        help=f"numbers of environments, three at least (default: {_SIZES})",
    )
    parser.add_argument(
        "--at",
        type=positive_integer,
        metavar="N",
        help="the size that the verdict speaks of (default: the largest)",
    )
    parser.add_argument(
        "--horizon",
        type=positive_integer,
        metavar="H",
        help="vector steps per rollout, unless the factory brings its own (default: 16)",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="pass this on to the factory; a VALUE is JSON or text",
    )
    parser.add_argument(
        "--limit",
        type=positive_number,
        metavar="SECONDS",
        help="time that a size may take (default: 120, or 600 for a command)",
    )
    parser.add_argument("--json", metavar="FILE", help="write all of it as JSON; - is standard output")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the times into FILE.svg or FILE.png (needs stepscope[plot])"
    )
    parser.set_defaults(command=_bound)


def _bound(options: argparse.Namespace) -> int:
    target = target_of(options)
    factory = target.factory is not None
    _check(options, factory=factory)
    settings: dict[str, Any] = {"options": dict(options.option), "horizon": options.horizon or 16}
    found = times_of(
        target,
        options.sizes,
        limit=options.limit or _LIMIT[factory],
        tell=_tell,
        **(settings if factory else {}),
    )
    _progress("")
    verdict = bound(_points(found), at=options.at)
    if options.json is not None:
        _write(options.json, as_json(verdict, found, target=target, provenance=asdict(provenance())))
    if options.json != "-":
        table = list(columns(rows(found), left=(len(rows(found)[0]) - 1,)))
        print(painted(table[0], "bold"), *table[1:], "", *laid_out(report(verdict, found)), sep="\n")
    if options.plot is not None:
        _plot(options.plot, verdict, found, quiet=options.json == "-")
    return 0


def _points(found: tuple[Measured, ...]) -> list[Any]:
    points = [each.point for each in found if each.point is not None]
    last = found[-1]
    if last.problem and len(points) < 2:  # noqa: PLR2004 - a line
        raise BadInputError(f"with {last.num_envs:,} environments: {last.problem}")
    return points


def _check(options: argparse.Namespace, *, factory: bool) -> None:
    if not factory and (options.horizon or options.option):
        raise BadInputError("--horizon and --option are for a factory; a command has options of its own.")
    if options.at is not None and options.at not in options.sizes:
        raise BadInputError(f"--at {options.at} is none of --sizes; add it to them.")
    for path, ending in ((options.plot, (".svg", ".png")), (options.json, ())):
        if path in (None, "-"):
            continue
        if ending and Path(path).suffix.lower() not in ending:
            raise BadInputError(f"{path} does not end like a figure; give a name that ends in .svg or .png.")
        if Path(path).is_dir() or not Path(path).parent.is_dir():
            raise BadInputError(f"{path} cannot be a file; give a name in a folder that exists.")
    if options.plot is not None:
        needed("matplotlib", extra="plot", what="--plot")


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(positive_integer(each) for each in text.split(","))
    if len(set(sizes)) < max(len(sizes), 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not two different numbers at least, such as {_SIZES}")
    return sizes


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _plot(path: str, verdict: Verdict, found: tuple[Measured, ...], *, quiet: bool) -> None:
    from stepscope.plan._bound_plot import draw  # noqa: PLC0415 - it imports matplotlib

    draw(verdict, found, path=path)
    if not quiet:
        print(f"\nfigure saved as {path}")


def _write(path: str, value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    if path == "-":
        print(text)
        return
    Path(path).write_text(text + "\n", encoding="utf-8")


def _tell(found: Measured) -> None:
    _progress(f"N = {found.num_envs:,}: {found.problem or 'measured'}")


def _progress(text: str) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
