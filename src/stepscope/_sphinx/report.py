"""Say how a build went: ``python -m stepscope._sphinx.report SITE SECONDS``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stepscope.evidence import FOLDER_VARIABLE, read_ledger

__all__ = ["report"]


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
    claims = [claim for shown in ledger for claim in shown.claims]
    held = sum(claim["holds"] is True for claim in claims)
    elsewhere = sum(claim["holds"] is None for claim in claims)
    lines = [
        f"the guide    {site / 'index.html'}",
        f"examples     {len(ledger)}: {ran} ran, {len(ledger) - ran} fresh from an earlier build",
        f"claims       {held} of {len(claims)} held"
        + (f", {elsewhere} need another device" if elsewhere else ""),
        f"time         {seconds:.0f} s",
    ]
    return "\n".join(lines)


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
