"""Evidence of scripts: one file of JSON lines for each, written while it runs."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLDER_VARIABLE", "ScriptEvidence", "append_evidence", "read_ledger", "record_measurement"]

FOLDER_VARIABLE = "STEPSCOPE_EVIDENCE"
"""Environment variable that names the folder to write to; without it nothing is written."""

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class ScriptEvidence:
    """Evidence from the latest run of one script.

    Attributes
    ----------
    script
        Folder and name, such as ``"1_environments/plot_step_cost"``.
    claims
        The fields of each `Claim`, in the order in which they were made.
    measurements
        Name to measured values.
    provenance
        Device, versions and date; empty when the script did not state them.
    run
        Facts about the run: ``seconds`` that passed, ``cpu_seconds`` of its processes (None where the system
        does not tell), and ``fingerprint``, None where a file that it depends on changed meanwhile; empty when it did
        not finish.
    """

    script: str
    claims: tuple[Mapping[str, Any], ...]
    measurements: Mapping[str, Any]
    provenance: Mapping[str, Any]
    run: Mapping[str, Any]

    def claims_with(self, verdict: str) -> tuple[Mapping[str, Any], ...]:
        """Return the claims with this verdict."""
        return tuple(claim for claim in self.claims if claim["verdict"] == verdict)


def append_evidence(source: str, kind: str, content: Mapping[str, Any]) -> None:
    """Append one line about the script whose code is `source`, if the build asks for it.

    A command of stepscope that a script runs is not a script.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder or _PACKAGE in Path(source).parents:
        return
    path = evidence_file(Path(folder), script_name(Path(source)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, **content}) + "\n")


def record_measurement(name: str, values: Mapping[str, Any]) -> None:
    """Keep measured values under a name, for the results that a GPU machine records.

    Parameters
    ----------
    name
        Name of the measurement, such as ``"step_time"``.
    values
        Numbers, lists or nested mappings of them, with the unit in the key: ``{"seconds": [...]}``.
    """
    append_evidence(calling_script(), "measurement", {"name": name, "values": dict(values)})


def calling_script() -> str:
    """Return the file that called the function that calls this: `__file__` does not exist inside sphinx-gallery."""
    return sys._getframe(2).f_code.co_filename  # noqa: SLF001 - the documented way to see the caller


def evidence_folder() -> Path:
    """Return the folder that the build has named."""
    return Path(os.environ[FOLDER_VARIABLE])


def script_name(path: Path) -> str:
    """Folder and stem of a gallery script: ``"1_environments/plot_step_cost"``."""
    return f"{path.parent.name}/{path.stem}"


def evidence_file(folder: Path, script: str) -> Path:
    """Return the path of the evidence of a script."""
    return folder / f"{script}.jsonl"


def read_ledger(folder: Path) -> tuple[ScriptEvidence, ...]:
    """Return the evidence of every script, in the order of their names."""
    return tuple(read_script(path) for path in sorted(folder.glob("*/*.jsonl")))


def read_script(path: Path) -> ScriptEvidence:
    """Return the evidence of one script."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:  # the process was killed while it wrote: this run did not finish
            break
        by_kind.setdefault(line.pop("kind"), []).append(line)
    return ScriptEvidence(
        script=script_name(path),
        claims=tuple(by_kind.get("claim", ())),
        measurements={line["name"]: line["values"] for line in by_kind.get("measurement", ())},
        provenance=(by_kind.get("provenance") or [{}])[-1],
        run=(by_kind.get("run") or [{}])[-1],
    )
