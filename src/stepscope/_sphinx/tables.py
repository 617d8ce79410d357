"""The directives ``{claims-ledger}`` and ``{recorded-results}``, and the parts that pages of results share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import project_root
from stepscope.evidence import evidence_folder, newest_decided, read_ledger, read_results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stepscope.evidence import ScriptEvidence


__all__ = [
    "ClaimsLedgerDirective",
    "RecordedResultsDirective",
    "as_sentence",
    "describe_machine",
    "empty_state",
    "script_link",
    "table",
    "undecided_reason",
    "verdict_node",
]

_ABSENT = "\N{EN DASH}"
_SMALL = {"skrl", "stepscope", "mjlab"}  # names that begin with a small letter


class ClaimsLedgerDirective(SphinxDirective):
    """Every claim of this build, with its value, script, device and date."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # it shows the evidence of this build
        ledger = read_ledger(evidence_folder())
        rows = [
            [
                nodes.inline(
                    "",
                    "",
                    nodes.Text(f"{as_sentence(claim['statement'])}."),
                    _below(claim.get("question") or "", script_link(entry.script, self.env.docname)),
                ),
                nodes.inline(
                    "",
                    "",
                    verdict_node(claim),
                    _below(claim["value"]),
                    *undecided_reason(project_root(self.env), entry.script, claim),
                ),
                nodes.inline("", "", *_where(entry, claim)),
            ]
            for entry in ledger
            for claim in entry.claims
        ]
        if not rows:
            return [empty_state("No example has run yet. Build the site with nox -s docs to fill this page.")]
        return [
            table(
                ("Claim", "Verdict, measured", "Device, date"),
                rows,
                "claims-ledger",
            )
        ]


class RecordedResultsDirective(SphinxDirective):
    """Claims that were checked on machines that the build does not have."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        results = list(read_results(project_root(self.env) / "results"))
        if not results:
            return [
                empty_state(
                    "No result of another machine is recorded yet. Yours would be the first: nox -s record."
                )
            ]
        rows = []
        for result in results:
            rows += [
                [
                    nodes.inline(
                        "",
                        "",
                        nodes.Text(f"{as_sentence(claim['statement'])}."),
                        _below("", script_link(result["script"], self.env.docname)),
                    ),
                    nodes.inline("", "", verdict_node({**claim, "recorded": True}), _below(claim["value"])),
                    nodes.inline(
                        "",
                        "",
                        nodes.Text(result["device"]),
                        _below(f"{result['date']}{_age(project_root(self.env), result)}"),
                        _below(f"commit {result['commit'] or _ABSENT}"),
                    ),
                ]
                for claim in result["claims"]
            ]
        return [
            table(
                ("Claim", "Verdict, measured", "Device, date, commit"),
                rows,
                "recorded-results",
            )
        ]


def as_sentence(statement: str) -> str:
    """Return a claim's statement with a capital letter, unless it begins with a name that has none.

    Examples
    --------
    >>> as_sentence("more environments collect more data"), as_sentence("skrl counts vector steps")
    ('More environments collect more data', 'skrl counts vector steps')
    """
    first = statement.split(" ", 1)[0].partition("'")[0]
    return statement if first in _SMALL else statement[:1].upper() + statement[1:]


def _where(entry: ScriptEvidence, claim: Mapping[str, Any]) -> Iterator[nodes.Node]:
    """Yield the device and the date of a claim, one below the other."""
    yield nodes.Text(entry.provenance.get("device") or claim["device"])
    threads = entry.provenance.get("threads")
    if threads and not entry.provenance.get("driver"):
        yield _below(f"{threads} thread{'s' * (threads != '1')}")
    yield _below(entry.provenance.get("date", _ABSENT))


def _below(text: str, *more: nodes.Node) -> nodes.Node:
    between = [nodes.Text(" \N{MIDDLE DOT} ")] if text and more else []
    return nodes.inline("", "", nodes.Text(text), *between, *more, classes=["below"])


def describe_machine(entries: Iterable[ScriptEvidence]) -> str:
    """Return the devices and dates of some evidence, such as ``"AMD EPYC, 1 thread (2026-11-26)"``; each once."""
    machines = []
    for entry in entries:
        about = entry.provenance
        if about.get("device") and about.get("date"):
            threads = "" if about.get("driver") else about.get("threads")  # a GPU has none of these
            on = f", {threads} thread{'s' * (threads != '1')}" if threads else ""
            machines.append(f"{about['device']}{on} ({about['date']})")
    return " and ".join(dict.fromkeys(machines))


def verdict_node(claim: Mapping[str, Any]) -> nodes.Node:
    """Return a verdict as a page shows it."""
    verdict = claim["verdict"]
    in_this_build = verdict == "undecided" and not claim.get("recorded")
    words = "undecided in this build" if in_this_build else verdict
    return nodes.inline("", words, classes=["verdict", verdict.replace(" ", "-")])


def undecided_reason(root: Path, script: str, claim: Mapping[str, Any]) -> list[nodes.Node]:
    """Return why a claim is undecided, with the newest recorded verdict; an empty list for one that is decided."""
    if claim["verdict"] != "undecided":
        return []
    if claim.get("recorded"):
        return [nodes.inline("", f" {claim['why'][0].upper()}{claim['why'][1:]}.", classes=["why"])]
    recorded = newest_decided(root / "results", script, claim)
    before = f"Recorded: {recorded}." if recorded else "No decided verdict is recorded yet."
    return [nodes.inline("", f" {claim['why'][0].upper()}{claim['why'][1:]}. {before}", classes=["why"])]


def script_link(script: str, docname: str, words: str = "") -> nodes.Node:
    """Return a link from a page to the page of an example; its text is the name of the script unless `words` says otherwise.

    The scripts of ``bench/``, which a GPU records as well, have no page.
    """
    if script.startswith("bench/"):
        return nodes.literal("", f"{script}.py")
    up = "../" * docname.count("/")  # a relative link, since a preview has no pages of examples to refer to
    name = words or Path(script).name
    return nodes.reference("", name, refuri=f"{up}auto_gallery/{script}.html", internal=True)


def empty_state(sentence: str) -> nodes.Node:
    """Return a box with a sentence in place of content that does not exist yet."""
    return nodes.container("", nodes.paragraph("", sentence), classes=["empty-state"])


def table(headings: Sequence[str], rows: Iterable[Sequence[str | nodes.Node]], name: str) -> nodes.Node:
    """Return a table that scrolls in its own box where the page is narrower; `name` is its class."""
    group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in headings], cols=len(headings))
    group += nodes.thead("", _row(headings))
    group += nodes.tbody("", *[_row(row) for row in rows])
    return nodes.container("", nodes.table("", group, classes=[name, "table-sm"]), classes=["wide-table"])


def _row(cells: Sequence[str | nodes.Node]) -> nodes.Node:
    return nodes.row(
        "",
        *[
            nodes.entry("", nodes.paragraph("", "", nodes.Text(cell) if isinstance(cell, str) else cell))
            for cell in cells
        ],
    )


def _age(root: Path, result: Mapping[str, Any]) -> str:
    """Return a note where the script has changed since it recorded a result, or did not come to its end."""
    folder = root if result["script"].startswith("bench/") else root / "gallery"
    script = folder / f"{result['script']}.py"
    current = script.is_file() and hashlib.sha256(script.read_bytes()).hexdigest()
    notes = ["an earlier version of this script"] * (current != result["script_sha256"])
    notes += ["unfinished"] * bool(result.get("unfinished"))
    return f" ({'; '.join(notes)})" if notes else ""
