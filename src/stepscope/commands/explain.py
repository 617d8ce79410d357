"""``stepscope explain``: the first cause of what went wrong in a log, and the catalogue of symptoms."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope.commands._logs import opened, read_log, title
from stepscope.commands._screen import columns, format_lines, painted
from stepscope.errors import BadInputError
from stepscope.explain import (
    KINDS,
    ROLES,
    Explainer,
    catalogue,
    describe_symptom,
    explanation_report,
    explanation_to_dict,
    symptom_to_dict,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stepscope._common.arguments import Parser
    from stepscope.explain import Explanation, Symptom

__all__ = ["add"]

_ABOUT = "name the first cause of a failure, its consequences, and what to do now"
_MORE = (
    "Searches a log for the symptoms of a catalogue: messages of libraries, simulators, PyTorch, CUDA, launchers and"
    " the system, and trends of numbers such as a loss that becomes NaN. The exit status is 2 if a LOG is not the log of"
    " a run, and otherwise 0."
)
_RUNS = 3  # that are explained one below the other


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to those of ``stepscope``."""
    parser = commands.add_parser("explain", help=_ABOUT, description=_MORE, allow_abbrev=False)
    parser.add_argument(
        "logs",
        nargs="*",
        metavar="LOG",
        help="console output of a run, or a part of it; - is standard input; the name of a symptom shows its entry",
    )
    parser.add_argument(
        "--list", action="store_true", help="list the catalogue instead, a line for each symptom"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON for each run, or for each symptom, instead"
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with status 1 if anything went wrong in a LOG"
    )
    parser.set_defaults(command=_explain, at_once=True)


def _explain(options: argparse.Namespace) -> int:
    if options.list:
        if options.logs:
            raise BadInputError("--list shows the whole catalogue; give no LOG with it.")
        _print_list(as_json=options.json)
        return 0
    if not options.logs:
        raise BadInputError("give a LOG, - for standard input, or --list for the catalogue of symptoms.")
    wrong = False
    for number, name in enumerate(options.logs):
        if number and not options.json:
            print()
        if name in catalogue() and not Path(name).exists():
            _print_symptom(catalogue()[name], as_json=options.json)
        else:
            wrong |= _explain_log(name, options)
    return int(options.check and wrong)


def _explain_log(name: str, options: argparse.Namespace) -> bool:
    if name == "-" and sys.stdin is not None and sys.stdin.isatty():
        print("Paste the log; Ctrl-D on its own line ends it.", file=sys.stderr)
    explainer = Explainer(title(name))
    try:
        with opened(name) as log:
            for record in read_log(log, name=name, num_envs=None):
                explainer.add(record)
    except BadInputError:
        _suggest(name)
        raise
    explanations = explainer.explanations()
    wrong = [explanation for explanation in explanations if explanation.wrong]
    notable = [explanation for explanation in explanations if explanation.notable]
    problem = explainer.summary.problem()
    if problem is not None and not wrong and not notable:
        raise BadInputError(problem)
    if options.json:
        for explanation in explanations:
            print(json.dumps({"log": title(name), **explanation_to_dict(explanation)}, allow_nan=False))
        return bool(wrong)
    if len(options.logs) > 1:
        print(painted(title(name), "bold"))
    _print_runs(wrong or [*explanations[-1:]], several=len(explanations) > 1)
    return bool(wrong)


def _suggest(name: str) -> None:
    """Raise an error that names the symptom that was probably meant, if there is one."""
    if close := difflib.get_close_matches(name, catalogue(), n=1, cutoff=0.75):
        raise BadInputError(
            f"{title(name)} is neither a file nor a symptom; the symptom {close[0]} has a similar name."
        ) from None


def _print_runs(explanations: list[Explanation], *, several: bool) -> None:
    for number, explanation in enumerate(explanations[:_RUNS]):
        if number:
            print()
        if several:
            print(painted(f"run {explanation.run.run}", "bold"))
        print(*format_lines(explanation_report(explanation)), sep="\n")
    if len(explanations) > _RUNS:
        print(f"\n{len(explanations) - _RUNS} more runs went wrong; --json shows all")


def _print_symptom(symptom: Symptom, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(symptom_to_dict(symptom)))
    else:
        print(*format_lines(describe_symptom(symptom)), sep="\n")


def _print_list(*, as_json: bool) -> None:
    symptoms = catalogue().values()
    if as_json:
        for symptom in symptoms:
            print(json.dumps(symptom_to_dict(symptom)))
        return
    print(*_rows(list(symptoms)), sep="\n")


def _rows(symptoms: list[Symptom]) -> Iterator[str]:
    rows = [(s.slug, ROLES[s.role], s.standing, KINDS[s.kind]) for s in symptoms]
    yield from columns(rows, left=range(4))
