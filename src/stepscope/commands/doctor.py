"""Command ``stepscope doctor``: what a report of a problem needs, and known bad combinations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stepscope._common.arguments import positive_integer, positive_number
from stepscope.commands._planning import print_report, show_progress
from stepscope.doctor import check_ranks, collect_facts, find_problems, format_rows, report, to_json
from stepscope.errors import BadInputError

if TYPE_CHECKING:
    import argparse

    from stepscope._common.arguments import Parser
    from stepscope.doctor import Facts, RankCheck

__all__ = ["add"]

_ABOUT = "list what a bug report needs: versions, devices, threads, known bad combinations"
_MORE = (
    "Lists versions, GPUs and driver, CPUs and threads, memory, and known bad combinations with their reason and source."
    " It shows no user name, no host name and no home directory, so that it can be posted. The exit status is 1 if a check"
    " failed, 2 if an option is invalid, and otherwise 0."
)
_FEWEST, _MOST = 2, 64
_LIMIT = 120.0


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("doctor", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument(
        "--ranks",
        type=positive_integer,
        metavar="N",
        help="also sum a tensor over N processes, on NCCL where there are as many GPUs, else on gloo",
    )
    parser.add_argument(
        "--limit",
        type=positive_number,
        default=_LIMIT,
        metavar="SECONDS",
        help="time that PyTorch may take to start, and the ranks to sum (default: 120)",
    )
    parser.add_argument("--json", action="store_true", help="print all of it as JSON instead")
    parser.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    if options.ranks is not None and not _FEWEST <= options.ranks <= _MOST:
        raise BadInputError(f"--ranks {options.ranks} is not between {_FEWEST} and {_MOST}.")
    show_progress("asking the machine …")
    facts = collect_facts(limit=options.limit)
    ranks = None
    if options.ranks is not None:
        show_progress(f"summing over {options.ranks} ranks …")
        ranks = _check_ranks(facts, options)
    show_progress("")
    findings = find_problems(facts)
    if options.json:
        print(json.dumps(to_json(facts, findings, ranks), indent=1))
    else:
        print_report(format_rows(facts), report(facts, findings, ranks), left=(0, 1, 2))
    failed = any(finding.severity == "bad" for finding in findings)
    return int(failed or bool(ranks and ranks.problem))


def _check_ranks(facts: Facts, options: argparse.Namespace) -> RankCheck:
    backends, devices = facts.torch.get("backends") or [], facts.torch.get("devices") or []
    backend = "nccl" if "nccl" in backends and len(devices) >= options.ranks else "gloo"
    return check_ranks(options.ranks, backend=backend, limit=options.limit)
