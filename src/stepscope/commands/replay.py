"""``stepscope replay``: what a recorder wrote down, and what comes of stepping through it again."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.optional import install_command
from stepscope._common.report import ReportLine
from stepscope.commands._planning import add_factory_options, add_working_directory_to_path, check_file
from stepscope.commands._screen import format_lines
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stepscope._common.arguments import Parser
    from stepscope.nans import Dump

__all__ = ["add"]

_LONGEST = 4000  # characters of a line that are shown
_ABOUT = "show the steps before the first bad value, and repeat them"
_MORE = (
    "Shows the dump that stepscope.nans.record wrote when it found NaN, infinity or a huge value. With --env a fresh"
    " environment starts from the recorded state and takes the recorded actions; the command reports whether the value"
    " appears again, bit for bit, and which change prevents it. The exit status is 0, or 2 if the dump or the environment cannot be used."
)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("replay", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument("dump", metavar="DUMP", help="the .npz file")
    parser.add_argument("--env", metavar="FACTORY", help="module:factory of the same environment")
    add_factory_options(parser)
    parser.add_argument("--html", metavar="FILE", help="write a page that steps through the last steps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=_replay, at_once=True)


def _replay(options: argparse.Namespace) -> int:
    try:
        from stepscope.nans import load  # noqa: PLC0415 - it needs torch
    except ModuleNotFoundError as error:
        raise BadInputError(
            f"stepscope replay needs {error.name}; install it with {install_command('examples')}."
        ) from error
    if options.html is not None:
        check_file(options.html)
    dump = load(options.dump)
    found: dict[str, Any] = {"report": dump.metadata["report"], "bad": dump.metadata["bad"]}
    lines = [ReportLine(label, printable(text, limit=_LONGEST)) for label, text in dump.metadata["report"]]
    lines.append(ReportLine("recorded", _recorded(dump)))
    if options.env is not None:
        again = _again(dump, options)
        found |= again
        lines += _lines(found)
    if options.html is not None:
        from stepscope.nans import render_page  # noqa: PLC0415 - only here

        Path(options.html).write_text(render_page(dump), encoding="utf-8")
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        print(*format_lines(lines), sep="\n")
        if options.html is not None:
            print(f"\npage saved as {printable(options.html)}")
    return 0


def _recorded(dump: Dump) -> str:
    first, last = int(dump.steps[0]), int(dump.steps[-1])
    return (
        f"steps {first:,} to {last:,} of {len(dump.envs)} of {dump.metadata['num_envs']:,} environments:"
        f" {printable(', '.join(dump.tensors), limit=_LONGEST)}"
    )


def _again(dump: Dump, options: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415 - only here

    from stepscope.nans import replay, try_interventions  # noqa: PLC0415 - it needs torch

    add_working_directory_to_path()
    settings = dict(options.option)
    # What an environment prints is not the result.
    with redirect_stdout(sys.stderr):
        again = replay(dump, options.env, options=settings)
        trials = try_interventions(dump, options.env, options=settings) if again.bad_step is not None else []
    return {"replay": asdict(again), "trials": [asdict(trial) for trial in trials]}


def _lines(found: dict[str, Any]) -> Iterator[ReportLine]:
    from stepscope.nans import parse_tensor_name  # noqa: PLC0415 - it needs torch

    again, trials = found["replay"], found["trials"]
    yield ReportLine("", "")
    went = f"{again['steps']} steps from step {again['begin']:,}"
    if again["differs"] is None:
        yield ReportLine("replay", f"{went}: the same, bit for bit", "good")
    elif again["own_differs"] is None:
        yield ReportLine("replay", f"{went}: the bad environment does the same, bit for bit", "good")
        yield ReportLine(
            "", f"others differ from step {again['differs']:,} on, as where episodes begin at random"
        )
    else:
        yield ReportLine(
            "replay",
            f"{went}: differs from what was recorded, by {again['difference']:.2g} in step {again['own_differs']:,}",
            "warn",
        )
    if again["bad_step"] is None:
        text = "it does not happen again: the environment alone does not make it from this state and these actions"
        if parse_tensor_name(found["bad"]["tensor"]).kind in ("state", "actions"):
            text = f"whether it happens again is not seen: a step returns no {found['bad']['tensor']}"
        yield ReportLine("", text, "warn")
        return
    yield ReportLine("", f"it happens again, in step {again['bad_step']:,}")
    for number, trial in enumerate(trials):
        words = "prevents it" if trial["prevents"] else f"does not: bad in step {trial['bad_step'] or 0:,}"
        if trial["prevents"] and trial["change"] == "a clean reset":
            words = "prevents it, but in a chaotic system so may any other start"
        words = words if trial["problem"] is None else f"not tried: {trial['problem']}"
        yield ReportLine(
            "" if number else "what prevents it",
            f"{trial['change']}: {words}",
            "good" if trial["prevents"] else "",
        )
