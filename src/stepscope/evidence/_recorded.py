"""Results that were recorded on other machines, or on this one when it was quiet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["RecordedClaim", "newest_decided", "read_results"]


@dataclass(frozen=True, kw_only=True)
class RecordedClaim:
    """A claim from a recorded result.

    Attributes
    ----------
    claim
        Fields of the claim.
    result
        Fields of its result: ``device``, ``date``, ``commit`` and ``versions`` among them.
    """

    claim: Mapping[str, Any]
    result: Mapping[str, Any]

    def __str__(self) -> str:
        """Format verdict, value and provenance in one line."""
        commit = f", commit {self.result['commit']}" if self.result.get("commit") else ""
        return (
            f"{self.claim['verdict']} ({self.claim['value']}) on {self.result['device']},"
            f" {self.result['date']}{commit}"
        )


def read_results(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the recorded results in a folder of devices, in the order of their paths."""
    for path in sorted(folder.glob("*/*/*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def newest_decided(folder: Path, script: str, claim: Mapping[str, Any]) -> RecordedClaim | None:
    """Return the newest recorded verdict of a script's claim that is decided; None if there is none."""
    decided = [
        RecordedClaim(claim=other, result=result)
        for result in read_results(folder)
        if result["script"] == script
        for other in result["claims"]
        if (other["question"], other["statement"]) == (claim.get("question"), claim["statement"])
        and other["verdict"] in ("holds", "does not hold")
    ]
    return max(decided, key=lambda recorded: recorded.result["date"] or "", default=None)
