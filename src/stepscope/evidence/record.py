"""Record measurements at full size: ``python -m stepscope.evidence.record``.

Runs gallery scripts on the device at hand, each in its own process, and writes
``results/DEVICE/SCRIPT.json`` with its claims, measurements and provenance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stepscope.evidence._ledger import FOLDER_VARIABLE, evidence_file, read_script, script_name
from stepscope.evidence._recorded import FULL_SIZE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCHEMA", "main", "record_script"]

SCHEMA = 3
"""Version of the fields of a recorded result."""


def record_script(script: Path) -> dict[str, object]:
    """Run a gallery script in its own process and return its result.

    Returns
    -------
    dict
        ``schema``, ``script``, ``script_sha256``, ``commit`` (None outside a git checkout), ``date``, ``device``,
        ``driver``, ``versions``, ``settings`` (thread count, and that it ran at full size), ``measurements`` and
        ``claims``.

    Raises
    ------
    subprocess.CalledProcessError
        The script failed, for instance because a claim does not hold.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, FOLDER_VARIABLE: folder, FULL_SIZE_VARIABLE: "1", "MPLBACKEND": "agg"}
        subprocess.run([sys.executable, str(script.resolve())], env=environment, cwd=folder, check=True)
        evidence = read_script(evidence_file(Path(folder), script_name(script)))
    provenance = dict(evidence.provenance)
    return {
        "schema": SCHEMA,
        "script": evidence.script,
        "script_sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "commit": _commit(script.parent),
        "date": provenance.get("date"),
        "device": provenance.get("device"),
        "driver": provenance.get("driver"),
        "versions": provenance.get("versions"),
        "settings": {"OMP_NUM_THREADS": provenance.get("threads"), "full_size": True},
        "measurements": dict(evidence.measurements),
        "claims": list(evidence.claims),
    }


def _commit(folder: Path) -> str | None:
    try:
        process = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:  # no git here, and none is needed
        return None
    return process.stdout.strip() or None


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the named scripts, or all of them; without a GPU, print that there is nothing to record."""
    parser = argparse.ArgumentParser(
        prog="python -m stepscope.evidence.record", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "scripts", nargs="*", type=Path, metavar="SCRIPT", help="default: gallery/*/plot_*.py"
    )
    parser.add_argument("--into", type=Path, default=Path("results"), help="default: %(default)s")
    parser.add_argument(
        "--cpu", action="store_true", help="record a CPU, which every build measures at reduced size"
    )
    options = parser.parse_args(arguments)
    if not options.cpu and not _has_cuda():
        print("No CUDA device here, so no result is recorded: every build measures the CPU itself.")  # noqa: T201
        return 0
    for script in options.scripts or sorted(Path("gallery").glob("*/plot_*.py")):
        try:
            result = record_script(script)
        except subprocess.CalledProcessError as error:
            sys.stderr.write(
                f"{script} failed with exit status {error.returncode}; nothing is recorded of it.\n"
            )
            return 1
        device = re.sub(r"[^a-z0-9]+", "-", str(result["device"]).lower()).strip("-")
        path = options.into / device / f"{script_name(script)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(path)  # noqa: T201
    return 0


def _has_cuda() -> bool:
    try:
        import torch  # noqa: PLC0415 - slow to import, and only this command needs it
    except ModuleNotFoundError:
        return False
    return bool(torch.cuda.is_available())


if __name__ == "__main__":
    sys.exit(main())
