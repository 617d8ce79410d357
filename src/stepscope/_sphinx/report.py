"""Report on a build: ``python -m stepscope._sphinx.report SITE SECONDS SINCE``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.evidence import evidence_folder, read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepscope.evidence import ScriptEvidence

__all__ = ["MAX_CPU_SECONDS", "format_report", "format_summary", "format_undecided", "is_slow", "must_rerun"]

MAX_CPU_SECONDS = 90
"""Most CPU time that an example should take, its child processes included, in seconds."""


def format_report(site: Path, evidence: Path, *, seconds: float, since: float) -> str:
    """Return the closing report of a build.

    Parameters
    ----------
    site
        Folder of the pages.
    evidence
        Folder of the evidence of the examples.
    seconds
        Wall time of the build.
    since
        When the build began, as a POSIX time stamp: an example whose evidence is older was still fresh.
    """
    ledger = read_ledger(evidence)
    ran = sum(path.stat().st_mtime >= since for path in evidence.glob("*/*.jsonl"))
    lines = [
        f"the guide    {site / 'index.html'}",
        f"examples     {len(ledger)}: {ran} ran, {len(ledger) - ran} fresh from an earlier build",
        f"time         {seconds:.0f} s",
        *format_undecided(ledger),
        *(
            f"slow         {entry.script}: {entry.run['cpu_seconds']:.0f} s of CPU time; the budget is"
            f" {MAX_CPU_SECONDS} s"
            for entry in ledger
            if is_slow(entry)
        ),
        *(
            f"changed      {entry.script}: a file that it depends on was edited while it ran"
            for entry in ledger
            if entry.run.get("fingerprint") is None
        ),
    ]
    if any(must_rerun(entry) for entry in ledger):
        lines.append("What is undecided, slow or changed runs again at the next nox -s docs.")
    return "\n".join([*lines, format_summary(ledger)])


def format_summary(ledger: Sequence[ScriptEvidence]) -> str:
    """Return the number of claims with each verdict, in one line."""
    claims = [claim for entry in ledger for claim in entry.claims]
    count = Counter(claim["verdict"] for claim in claims)
    parts = [f"{count['holds']} of {len(claims)} claims hold"]
    if count["does not hold"]:
        parts.append(f"{count['does not hold']} {'does' if count['does not hold'] == 1 else 'do'} not hold")
    if undecided := _undecided(ledger):
        busy = any("busy" in claim["why"] for _, claim in undecided)
        parts.append(
            f"{len(undecided)} undecided ({'the machine was busy' if busy else 'too close to the threshold'})"
        )
    if recorded := _undecided(ledger, recorded=True):
        parts.append(f"{len(recorded)} undecided in recorded results")
    if count["not checked here"]:
        parts.append(f"{count['not checked here']} need{'s' * (count['not checked here'] == 1)} a GPU")
    return ", ".join(parts)


def format_undecided(ledger: Sequence[ScriptEvidence]) -> list[str]:
    """Return a line for each undecided claim about what this build measured, with the reason."""
    return [
        f"undecided    {entry.script}: {claim['statement']}: {claim['why']}"
        for entry, claim in _undecided(ledger)
    ]


def is_slow(entry: ScriptEvidence) -> bool:
    """Whether an example took more CPU time than its budget; it is a warning only."""
    return (entry.run.get("cpu_seconds") or 0.0) > MAX_CPU_SECONDS


def must_rerun(entry: ScriptEvidence) -> bool:
    """Whether an example should run again although nothing that it depends on has changed since."""
    return (
        is_slow(entry)
        or entry.run.get("fingerprint") is None
        or any(claim["verdict"] == "does not hold" for claim in entry.claims)
        or bool(_undecided([entry]))
    )


def _undecided(
    ledger: Sequence[ScriptEvidence], *, recorded: bool = False
) -> list[tuple[ScriptEvidence, Mapping[str, Any]]]:
    """Return the undecided claims about what this build measured, or those about recorded results."""
    return [
        (entry, claim)
        for entry in ledger
        for claim in entry.claims_with("undecided")
        if claim.get("recorded", False) is recorded
    ]


def main() -> int:
    """Print the report for the arguments SITE, SECONDS and SINCE."""
    site, seconds, since = sys.argv[1:]
    sys.stdout.write(
        format_report(Path(site), evidence_folder(), seconds=float(seconds), since=float(since)) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
