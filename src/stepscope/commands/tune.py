"""Command ``stepscope tune``: search for the settings that train fastest."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.arguments import (
    CommandParser,
    positive_integer,
    positive_number,
    reward_threshold,
    size_in_bytes,
)
from stepscope._common.format import format_number, format_seconds
from stepscope._common.optional import require
from stepscope.commands._planning import (
    LIMIT,
    add_output_options,
    check_file,
    check_output_options,
    print_report,
    show_progress,
    write_json,
)
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.plan import Target
from stepscope.plan.fit import Budget
from stepscope.plan.tune import (
    RayRunner,
    Study,
    Task,
    conclude,
    format_rows,
    parse_search,
    report,
    to_json,
)

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser
    from stepscope.plan.tune import Tuning

__all__ = ["add"]

_ABOUT = "search for the settings that train fastest, with your own training command"
_MORE = (
    "Runs a training command repeatedly with different values of its placeholders, reads its output during training, and"
    " searches for the values that reach a reward soonest, or that have the largest reward over an equal time. The best"
    " three are run again with fresh seeds, and one is recommended only if its lead is more than chance. The exit status"
    " is 0, or 2 if the command does not work."
)
_AFTER = (
    "VALUES are a list, such as horizon=16,24,32, or a range, such as learning_rate=1e-4..1e-2:log or"
    " num_envs=256..8192:log2 (powers of two). {seed} in the command is filled by stepscope. Finished trials are kept in"
    " the storage: after any interruption the same command resumes the search."
)
_STORAGE = "tune.db"
_INTERRUPTED = 130
_FOR_EVER = "1000000"  # iterations: stepscope ends each trial


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    commands.add_parser("tune", help=_ABOUT)
    parser = CommandParser(
        prog="stepscope tune",
        usage="stepscope tune [-h] [OPTIONS] --search NAME=VALUES ... (TARGET | -- COMMAND ...)",
        description=_MORE,
        epilog=_AFTER,
        allow_abbrev=False,
    )
    commands.choices["tune"] = parser
    parser.add_argument(
        "target",
        nargs="?",
        metavar="TARGET",
        help="module:factory, which takes num_envs and returns an environment that python -m stepscope.train can train on"
        " (needs --library); or, after --, a command with {NAME} in it for each placeholder",
    )
    parser.add_argument(
        "--search",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUES",
        help="values of a placeholder {NAME} in the command",
    )
    parser.add_argument(
        "--until",
        type=reward_threshold,
        metavar="reward=R",
        help="reach this mean reward soonest (default: the largest reward over the time of a trial)",
    )
    parser.add_argument(
        "--trial-seconds",
        type=positive_number,
        default=300.0,
        metavar="S",
        help="time that each trial may train, from its first iteration on (default: 300)",
    )
    parser.add_argument(
        "--trials", type=positive_integer, default=20, metavar="N", help="trials (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds",
        type=positive_number,
        default=math.inf,
        metavar="S",
        help="time for all runs, half of which is kept for the finals (default: no limit)",
    )
    parser.add_argument(
        "--seeds",
        type=_non_negative_integer,
        default=6,
        metavar="N",
        help="fresh seeds for each of the best three; 0 is no finals (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=_non_negative_integer, default=1, metavar="S", help="first of all seeds (default: 1)"
    )
    parser.add_argument(
        "--library",
        metavar="LIBRARY",
        help="try only what its rules of minibatches accept (default: the library that the first trial prints)",
    )
    parser.add_argument(
        "--budget",
        type=size_in_bytes,
        metavar="SIZE",
        help="memory that a trial may take, such as 8GiB (default: all)",
    )
    parser.add_argument(
        "--limit",
        type=positive_number,
        default=LIMIT[False],
        metavar="SECONDS",
        help="time until a trial must have printed its first iteration (default: %(default)g)",
    )
    parser.add_argument(
        "--storage", default=_STORAGE, metavar="FILE", help="keep finished trials here (default: %(default)s)"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run the trials on the GPUs of this Ray cluster, or on its CPUs if it has none; auto is the one that this"
        " machine belongs to (default: one after the other here)",
    )
    add_output_options(parser, figure="trials")
    parser.set_defaults(command=_tune)


def _tune(options: argparse.Namespace) -> int:
    task = _create_task(options)
    check_output_options(options)
    check_file(options.storage)
    require("optuna", extra="tune", what="stepscope tune")
    require("scipy", extra="tune", what="stepscope tune")
    runner = None
    if options.ray is not None:
        require("ray", extra="ray", what="--ray")
        runner = RayRunner(options.ray)
    study = Study(options.storage, task, runner=runner)
    interrupted = False
    try:
        study.search(
            trials=options.trials,
            seconds=options.seconds,
            final_seeds=options.seeds,
            on_trial=_progress("trial"),
        )
        study.run_finals(seeds=options.seeds, seconds=options.seconds, on_trial=_progress("final run"))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        show_progress("")
        tuning = conclude(study, task)
        study.close()
    _write(tuning, options)
    if interrupted:
        print("stepscope: interrupted; the same command goes on.", file=sys.stderr)
        return _INTERRUPTED
    _check_reached(tuning)
    return 0


def _create_task(options: argparse.Namespace) -> Task:
    command = _create_command(options)
    space = parse_search(command, options.search)
    try:
        memory = Budget.of_this_machine(options.budget)
    except OSError as error:
        raise BadInputError(
            "stepscope tune runs on Linux only: it measures the memory of each trial."
        ) from error
    return Task(
        command=tuple(command),
        space=space,
        until=options.until,
        trial_seconds=options.trial_seconds,
        first_seconds=options.limit,
        seed=options.seed,
        library=options.library,
        memory=memory,
    )


def _create_command(options: argparse.Namespace) -> list[str]:
    """Return the command after --, or the one that trains on the environments of a factory."""
    if options.target is None:
        if not options.run:
            raise BadInputError(
                "TARGET is missing; give module:factory, or a command with a placeholder such as {num_envs} in it after --."
            )
        return list(options.run)
    target = Target.parse(options.target, options.run)
    if options.library is None:
        raise BadInputError(
            "a factory needs --library, the library that trains on it; add --library rsl_rl, for instance."
        )
    runs = str(Path(options.storage).with_suffix(".runs"))
    names = [text.partition("=")[0] for text in options.search]
    return [
        *(sys.executable, "-m", "stepscope.train", options.library, "--env", str(target), "--log-dir", runs),
        *(word for name in names for word in (f"--{name.replace('_', '-')}", f"{{{name}}}")),
        *("--seed", "{seed}", "--iterations", _FOR_EVER),
    ]


def _write(tuning: Tuning, options: argparse.Namespace) -> None:
    if options.json is not None:
        write_json(options.json, to_json(tuning, provenance=asdict(provenance())))
    if options.json != "-" and tuning.tried:
        rows = format_rows(tuning)
        print_report(rows, report(tuning), left=(len(rows[0]) - 1,))
    if options.plot is not None and tuning.tried:
        from stepscope.plan.tune.plot import draw  # noqa: PLC0415 - it imports matplotlib

        draw(tuning, path=options.plot)
        if options.json != "-":
            print(f"\nfigure saved as {printable(options.plot)}")


def _check_reached(tuning: Tuning) -> None:
    """Say where nothing has come of the search.

    Raises
    ------
    BadInputError
        No trial has reached the threshold.
    """
    until = tuning.task.until
    if until is None or any(one.outcome.status == "reached" for one in tuning.tried):
        return
    best = max(
        (one.outcome.best_reward for one in tuning.tried if one.outcome.best_reward is not None), default=None
    )
    raise BadInputError(
        f"no trial reached a reward of {format_number(until)} within {tuning.task.trial_seconds:g} s; the best was"
        f" {format_number(best)}: give more --trial-seconds or a lower --until."
    )


def _progress(noun: str) -> Any:  # noqa: ANN401 - a function
    def show(number: int, values: dict[str, Any], point: tuple[float, float] | None) -> None:
        named = ", ".join(f"{name} {value}" for name, value in values.items())
        state = "starts" if point is None else f"{format_seconds(point[0])}, reward {format_number(point[1])}"
        show_progress(f"{noun} {number}: {named}: {state}")

    return show


def _non_negative_integer(text: str) -> int:
    return 0 if text == "0" else positive_integer(text)
