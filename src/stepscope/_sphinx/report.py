"""Say how a build went: ``python -m stepscope._sphinx.report SITE SECONDS``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.evidence import FOLDER_VARIABLE, read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepscope.evidence import ScriptEvidence

__all__ = ["MOST_CPU_SECONDS", "report", "summary", "too_slow", "unfinished"]

MOST_CPU_SECONDS = 90
"""What an example should take of the processor, its processes included."""


def report(site: Path, evidence: Path, *, seconds: float, since: float) -> str:
    """Return the last words of a build.

    Parameters
    ----------
    site
        Folder of the pages.
    evidence
        Folder of what the examples have shown.
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
        *(
            f"undecided    {shown.script}: {claim['statement']}: {claim['why']}"
            for shown, claim in _undecided(ledger)
        ),
        *(
            f"slow         {shown.script}: {shown.run['cpu_seconds']:.0f} s of the processor; at most"
            f" {MOST_CPU_SECONDS} are meant"
            for shown in ledger
            if too_slow(shown)
        ),
        *(
            f"changed      {shown.script}: a file that it depends on was edited while it ran"
            for shown in ledger
            if shown.run.get("fingerprint") is None
        ),
    ]
    if any(unfinished(shown) for shown in ledger):
        lines.append("What is undecided, slow or changed runs again at the next nox -s docs.")
    return "\n".join([*lines, summary(ledger)])


def summary(ledger: Sequence[ScriptEvidence]) -> str:
    """Return how many claims hold, and what became of the others, in one line."""
    claims = [claim for shown in ledger for claim in shown.claims]
    count = Counter(claim["verdict"] for claim in claims)
    parts = [f"{count['holds']} of {len(claims)} claims hold"]
    if count["does not hold"]:
        parts.append(f"{count['does not hold']} {'does' if count['does not hold'] == 1 else 'do'} not hold")
    if count["undecided"]:
        busy = any("busy" in claim["why"] for _, claim in _undecided(ledger))
        parts.append(
            f"{count['undecided']} undecided ({'the machine was busy' if busy else 'too close to the threshold'})"
        )
    if count["not checked here"]:
        parts.append(f"{count['not checked here']} need{'s' * (count['not checked here'] == 1)} a GPU")
    return ", ".join(parts)


def too_slow(shown: ScriptEvidence) -> bool:
    """Whether an example took more of the processor than it should; nothing fails for it."""
    return (shown.run.get("cpu_seconds") or 0.0) > MOST_CPU_SECONDS


def unfinished(shown: ScriptEvidence) -> bool:
    """Whether an example should run again although nothing that it depends on has changed since."""
    return (
        too_slow(shown)
        or shown.run.get("fingerprint") is None
        or any(claim["verdict"] in ("undecided", "does not hold") for claim in shown.claims)
    )


def _undecided(ledger: Sequence[ScriptEvidence]) -> list[tuple[ScriptEvidence, Mapping[str, Any]]]:
    return [(shown, claim) for shown in ledger for claim in shown.claims_that("undecided")]


def main() -> int:
    """Print the report of the site in the first argument, which took the seconds in the second."""
    site, seconds, since = sys.argv[1:]
    sys.stdout.write(
        report(Path(site), Path(os.environ[FOLDER_VARIABLE]), seconds=float(seconds), since=float(since))
        + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
