"""Run a variant of a version in an empty folder, and keep what was printed and how it was made."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from matrix._environment import ROOT
from stepscope.recordings import PATHS, Recording, capture_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matrix._environment import Environment
    from matrix._versions import Variant, Version

__all__ = ["RECORDINGS", "arguments_for", "make_recording", "provenance_of", "variables_of"]

RECORDINGS = ROOT / "recordings"

_PROVENANCE = """
import json, sys
from importlib import metadata
from stepscope.evidence import provenance
made = provenance()
versions = made.versions | {name: metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"versions": versions, "device": made.device, "date": made.date}))
"""


def make_recording(version: Version, variant: Variant, environment: Environment) -> tuple[bytes, Recording]:
    """Run one variant and return what it printed, without this machine's folders, and how it was made."""
    arguments = arguments_for(version, variant.name, variant.settings)
    text, outcome = capture_output(
        [str(environment.python), *arguments],
        paths=_paths(environment),
        environment=variables_of(environment),
    )
    made = provenance_of(version, environment)
    return text, Recording(
        library=version.library,
        version=version.version,
        variant=variant.name,
        command=" ".join(["python", *arguments]),
        settings=variant.settings,
        versions=made["versions"],
        device=made["device"],
        date=made["date"],
        **outcome,
    )


def arguments_for(version: Version, variant: str, settings: Mapping[str, object]) -> list[str]:
    """Return what Python is started with."""
    options = [
        part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    return ["-m", f"matrix.{version.library}", variant, *options]


def variables_of(environment: Environment) -> dict[str, str]:
    """Return the environment variables that a run in it has besides those of this process."""
    # Some versions go through a set of names while they print: without a seed the order of lines is another each time.
    return {"PYTHONPATH": environment.path, "PYTHONHASHSEED": "0"}


def _paths(environment: Environment) -> dict[str, str]:
    own = {str(environment.packages): "<site-packages>", str(environment.home): "<environment>"}
    return {**PATHS, **own, str(ROOT): "<project>"}


def provenance_of(version: Version, environment: Environment) -> dict[str, Any]:
    """Ask the environment itself which versions it sees, those that were pinned for this one included."""
    pinned = [pin.partition("==")[0] for pin in version.pins]
    said = subprocess.run(
        [str(environment.python), "-c", _PROVENANCE, *pinned],
        env={**os.environ, "PYTHONPATH": environment.path},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return json.loads(said)
