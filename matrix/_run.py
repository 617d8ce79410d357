"""Run a variant of a version in an empty folder, and record its output and provenance."""

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
here = provenance()
versions = here.versions | {name: metadata.version(name) for name in sys.argv[1:]}
print(json.dumps({"versions": versions, "device": here.device, "date": here.date}))
"""


def make_recording(version: Version, variant: Variant, environment: Environment) -> tuple[bytes, Recording]:
    """Run one variant and return what it printed, with placeholders for folders, and its provenance."""
    arguments = arguments_for(version, variant.name, variant.settings)
    text, outcome = capture_output(
        [str(environment.python), *arguments],
        paths=_paths(environment),
        environment=variables_of(environment),
    )
    provenance = provenance_of(version, environment)
    return text, Recording(
        library=version.library,
        version=version.version,
        variant=variant.name,
        command=" ".join(["python", *arguments]),
        settings=variant.settings,
        versions=provenance["versions"],
        device=provenance["device"],
        date=provenance["date"],
        **outcome,
    )


def arguments_for(version: Version, variant: str, settings: Mapping[str, object]) -> list[str]:
    """Return the arguments of Python."""
    options = [
        part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    return ["-m", f"matrix.{version.library}", variant, *options]


def variables_of(environment: Environment) -> dict[str, str]:
    """Return environment variables of a run beside those of this process."""
    # Some versions print in the order of a set, which varies without a seed.
    return {"PYTHONPATH": environment.path, "PYTHONHASHSEED": "0"}


def _paths(environment: Environment) -> dict[str, str]:
    own = {str(environment.packages): "<site-packages>", str(environment.home): "<environment>"}
    return {**PATHS, **own, str(ROOT): "<project>"}


def provenance_of(version: Version, environment: Environment) -> dict[str, Any]:
    """Return the versions in the environment, pinned ones included, with device and date."""
    pinned = [pin.partition("==")[0] for pin in version.pins]
    process = subprocess.run(
        [str(environment.python), "-c", _PROVENANCE, *pinned],
        env={**os.environ, "PYTHONPATH": environment.path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(process.stdout)
