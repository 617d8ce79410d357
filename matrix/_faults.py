"""Trainings of a version with one bad value injected: how they end, and what they had saved.

The outcome of each of `FAULTS` is recorded in ``recordings/LIBRARY/VERSION/struck.json``, with its provenance. The guide's
table is made from these files.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matrix._run import RECORDINGS, arguments_for, provenance_of, variables_of
from stepscope.train import run_and_capture
from stepscope.train.experiments.fault_injection import FAULTS, SIZE, FaultRun, outcome_of

if TYPE_CHECKING:
    from matrix._environment import Environment
    from matrix._versions import Version

__all__ = ["describe_runs", "path_of", "record_runs", "run_faults"]


def run_faults(version: Version, name: str, environment: Environment) -> dict[str, FaultRun]:
    """Train once with each fault, as the variant of that name, and return the outcomes."""
    return {fault: _run_fault(version, name, environment, fault) for fault in FAULTS}


def _run_fault(version: Version, name: str, environment: Environment, fault: str) -> FaultRun:
    arguments = arguments_for(version, name, {**SIZE, "fault": fault})
    with tempfile.TemporaryDirectory(prefix="stepscope-") as temporary:
        folder = Path(temporary).resolve()
        status = run_and_capture(
            [str(environment.python), *arguments],
            log=folder / "console.txt",
            cwd=folder,
            environment=variables_of(environment),
        )
        return outcome_of(folder, version.library, FAULTS[fault], status)


def path_of(version: Version, name: str) -> Path:
    """Return the path of the recorded outcomes."""
    return RECORDINGS / version.library / version.version / f"{name}.json"


def describe_runs(
    version: Version, name: str, environment: Environment, runs: dict[str, FaultRun]
) -> dict[str, Any]:
    """Return the outcomes and their provenance."""
    command = " ".join(["python", *arguments_for(version, name, SIZE), "--fault FAULT"])
    endings = {fault: asdict(run) for fault, run in runs.items()}
    for ending in endings.values():
        del ending["library"]
    return {
        "library": version.library,
        "version": version.version,
        "command": command,
        **provenance_of(version, environment),
        "endings": endings,
    }


def record_runs(description: dict[str, Any], path: Path, *, update: bool, check: bool) -> tuple[str, bool]:
    """Compare with the recording, write it if it is missing, and return a verdict and whether that is bad."""
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))["endings"]
        changed = [fault for fault, ending in description["endings"].items() if before.get(fault) != ending]
        if not changed:
            return "as recorded", False
        if check or not update:
            return f"ends differently from the recording: {', '.join(changed)}", True
    elif check:
        return "is not recorded", True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return "recorded", False
