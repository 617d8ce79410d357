"""Results that were recorded on other machines, or on this one when it was quiet."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepscope.evidence._ledger import calling_script, script_name
from stepscope.evidence._provenance import loaded_cuda

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "FULL_SIZE_VARIABLE",
    "RecordedClaim",
    "full_size",
    "newest_decided",
    "read_recorded",
    "read_results",
]

FULL_SIZE_VARIABLE = "STEPSCOPE_FULL_SIZE"
"""Environment variable that asks for the full size of an example on a CPU as well."""


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


def full_size() -> bool:
    """Whether a script is to run at full size: on a GPU, and where ``nox -s record`` asks for it."""
    return bool(os.environ.get(FULL_SIZE_VARIABLE)) or loaded_cuda() is not None


def read_recorded(other: str | None = None) -> Mapping[str, Any] | None:
    """Return the newest result that a gallery script recorded at full size on a CPU.

    Parameters
    ----------
    other
        Name of another script, such as ``"3_tuning/plot_batch_recipe"``; by default it is the calling one.

    Returns
    -------
    Mapping or None
        Fields ``device``, ``date``, ``versions``, ``measurements`` and ``claims`` among them; None for a script that
        was downloaded, which has no results next to it, and on a GPU, which a CPU's result says nothing of.
    """
    if loaded_cuda():
        return None
    script = Path(calling_script()).resolve()
    name = other or script_name(script)
    results = script.parent.parent.parent / "results"
    recorded = [
        result
        for path in results.glob(f"*/{name}.json")
        if (result := json.loads(path.read_text(encoding="utf-8")))["settings"].get("full_size")
        and result["driver"] is None
    ]
    return max(recorded, key=lambda result: str(result["date"]), default=None)
