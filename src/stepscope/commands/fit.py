"""Command ``stepscope fit``: predict how many environments fit into memory, from a few small probes."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stepscope._common import printable
from stepscope._common.arguments import positive_integer, size_in_bytes
from stepscope._common.format import format_bytes
from stepscope.commands._planning import (
    LIMIT,
    add_measurement_options,
    check_output_options,
    print_report,
    show_progress,
    write_json,
)
from stepscope.commands._target import add_command_with_target, parse_target
from stepscope.errors import BadInputError
from stepscope.evidence import provenance
from stepscope.measure import explain_unseen_gpu
from stepscope.plan import Load
from stepscope.plan.fit import FIRST, Budget, estimate_capacity, format_rows, report, to_json, verify

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser
    from stepscope.plan import Probe

__all__ = ["add"]

_ABOUT = "predict how many environments fit into memory, from a few small runs"
_MORE = (
    "Runs a TARGET with a few small numbers of environments, each in its own process, fits M(N) = a + b N to"
    " their memory, and predicts the largest N within the budget. A run that runs out of memory also counts as a result."
    " The exit status is 0, or 2 if the TARGET does not work."
)
_AFTER = (
    "A TARGET is a factory, such as stepscope.envs:CartPole, or a command after --, such as"
    " -- python train.py --num_envs {num_envs} --max_iterations 2. Runs are made with MALLOC_MMAP_THRESHOLD_=131072"
    " unless that is set, so that freed memory goes back to the system: run your training with it as well."
)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = add_command_with_target(commands, "fit", about=_ABOUT, description=_MORE, epilog=_AFTER)
    parser.add_argument(
        "--budget",
        type=size_in_bytes,
        metavar="SIZE",
        help="memory budget, such as 8GiB: of the GPU if the TARGET uses one (default: all that is free)",
    )
    parser.add_argument(
        "--verify", action="store_true", help="also run with the predicted N, and with 5 %% more"
    )
    parser.add_argument(
        "--policy", metavar="MODULE:FACTORY", help="called with the environment, it returns the policy"
    )
    parser.add_argument(
        "--horizon",
        type=positive_integer,
        default=0,
        metavar="H",
        help="keep a rollout of H vector steps, as training does",
    )
    parser.add_argument(
        "--first",
        type=positive_integer,
        default=FIRST,
        metavar="N",
        help="size of the first run (default: %(default)s)",
    )
    add_measurement_options(parser, figure="line")
    parser.set_defaults(command=_fit)


def _fit(options: argparse.Namespace) -> int:
    target = parse_target(options)
    _check_options(options, factory=target.factory is not None)
    load = Load(policy=options.policy, horizon=options.horizon, options=dict(options.option))
    limit = options.limit or LIMIT[target.factory is not None]
    budget = _create_budget(options.budget)
    if options.verify and budget.device_bytes is None:
        budget.check_verifiable(budget.requested_bytes)  # now, before anything runs for a while
    settings: Any = {"budget": budget, "load": load, "limit_seconds": limit, "on_probe": _report_progress}
    verified: tuple[Probe, ...] = ()
    if (reason := explain_unseen_gpu()) is not None:
        print(
            f"stepscope: the memory of the GPU is not measured: {reason}. All figures are of the host's memory.",
            file=sys.stderr,
        )
    try:
        capacity = estimate_capacity(target, first=options.first, **settings)
        if options.verify:
            verified = verify(target, capacity, **settings)
    finally:
        show_progress("")
    if options.json is not None:
        write_json(options.json, to_json(capacity, verified, target=target, provenance=asdict(provenance())))
    if options.json != "-":
        print_report(format_rows(capacity), report(capacity, verified), left=(4,))
    if options.plot is not None:
        from stepscope.plan.fit.plot import draw  # noqa: PLC0415 - it imports matplotlib

        draw(capacity, verified, target=target, path=options.plot)
        if options.json != "-":
            print(f"\nfigure saved as {printable(options.plot)}")
    return 0


def _check_options(options: argparse.Namespace, *, factory: bool) -> None:
    if not factory and (options.policy or options.horizon or options.option):
        raise BadInputError(
            "--policy, --horizon and --option apply to a factory only; a command has its own options."
        )
    check_output_options(options)


def _create_budget(requested_bytes: int | None) -> Budget:
    try:
        return Budget.of_this_machine(requested_bytes)
    except OSError as error:
        raise BadInputError("the memory of a process can be measured on Linux only.") from error


def _report_progress(probe: Probe) -> None:
    show_progress(f"N = {probe.num_envs:,}: {probe.outcome.status}, {format_bytes(probe.host_bytes)}")
