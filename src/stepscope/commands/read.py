"""``stepscope read``: what a run printed, as a summary, as a table or for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope._arguments import positive_integer
from stepscope.commands._logs import opened, records, title
from stepscope.commands._screen import laid_out, painted
from stepscope.errors import BadInputError
from stepscope.logs._report import report
from stepscope.logs._summary import Summary
from stepscope.logs._table import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stepscope._arguments import Parser
    from stepscope.logs import Record

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    about = "show what RL-Games, RSL-RL, skrl or Stable-Baselines3 printed while training"
    parser = commands.add_parser(
        "read", help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False
    )
    parser.add_argument("logs", nargs="+", metavar="LOG", help="console output of a run; - is standard input")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument(
        "--json", action="store_true", help="print every record as a line of JSON; spans are bytes of its LOG"
    )
    shape.add_argument("--all", action="store_true", help="show every row of a long table")
    parser.add_argument(
        "--num-envs",
        type=positive_integer,
        metavar="N",
        help="number of environments, which skrl does not print: its vector steps times N are env steps",
    )
    parser.set_defaults(command=_read)


def _read(options: argparse.Namespace) -> int:
    problems: list[str] = []
    for number, name in enumerate(options.logs):
        with opened(name) as log:
            found = records(log, name=name, num_envs=options.num_envs)
            if options.json:
                _print_json(found, live=not log.seekable())
                continue
            if len(options.logs) > 1:
                print(*[""] * (number > 0), title(name), sep="\n")
            problem = _print_table(found, name=title(name), everything=options.all)
            problems += [problem] if problem else []
    if problems:
        raise BadInputError("\n".join(problems))
    return 0


def _print_json(found: Iterator[Record], *, live: bool) -> None:
    for record in found:
        print(record.to_json(), flush=live)  # a pipe is live: somebody may be watching the run


def _print_table(found: Iterator[Record], *, name: str, everything: bool) -> str | None:
    summary = Summary(name)
    empty = True
    for line in table(summary.watch(found), everything=everything):
        print(line)
        empty = False
    runs = summary.runs()
    for run in runs:
        if not empty:
            print()
        if len(runs) > 1:
            print(painted(f"run {run.run}", "bold"))
        for line in laid_out(report(run)):
            print(line)
        empty = False
    return summary.problem()
