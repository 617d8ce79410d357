"""One bad value in a training with a version: how it ends, and what it had saved.

What comes of it is ``recordings/LIBRARY/VERSION/struck.json``: how each fault of `stepscope.train.experiments.fault_injection.FAULTS` ended,
and how that was made. The guide's table is drawn from these files.
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

__all__ = ["keep", "made", "path_of", "strike"]


def strike(version: Version, name: str, environment: Environment) -> dict[str, FaultRun]:
    """Train once with each fault, as the variant of that name, and return how each ended."""
    return {fault: _struck(version, name, environment, fault) for fault in FAULTS}


def _struck(version: Version, name: str, environment: Environment, fault: str) -> FaultRun:
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
    """Return where it is recorded."""
    return RECORDINGS / version.library / version.version / f"{name}.json"


def made(version: Version, name: str, environment: Environment, runs: dict[str, FaultRun]) -> dict[str, Any]:
    """Return what is written down: the runs and how they were made."""
    command = " ".join(["python", *arguments_for(version, name, SIZE), "--fault FAULT"])
    endings = {fault: asdict(run) for fault, run in runs.items()}
    for each in endings.values():
        del each["library"]
    return {
        "library": version.library,
        "version": version.version,
        "command": command,
        **provenance_of(version, environment),
        "endings": endings,
    }


def keep(found: dict[str, Any], path: Path, *, update: bool, check: bool) -> tuple[str, bool]:
    """Compare with what is recorded, write what is not, and say which it was and whether that is bad."""
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))["endings"]
        changed = [fault for fault, ending in found["endings"].items() if before.get(fault) != ending]
        if not changed:
            return "as recorded", False
        if check or not update:
            return f"ends in another way than recorded: {', '.join(changed)}", True
    elif check:
        return "was never recorded", True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return "recorded", False
