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
from typing import TYPE_CHECKING, Any

from stepscope.evidence._ledger import FOLDER_VARIABLE, evidence_file, read_script, script_name
from stepscope.evidence._recorded import FULL_SIZE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stepscope.evidence._ledger import ScriptEvidence

__all__ = ["SCHEMA", "describe_result", "main", "record_script", "result_file", "write_result"]

SCHEMA = 3
"""Version of the fields of a recorded result."""


def record_script(script: Path) -> dict[str, Any]:
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
        return describe_result(script, read_script(evidence_file(Path(folder), script_name(script))))


def describe_result(
    script: Path,
    evidence: ScriptEvidence,
    *,
    provenance: Mapping[str, Any] | None = None,
    full_size: bool = True,
    unfinished: str | None = None,
) -> dict[str, Any]:
    """Return the recorded result of a script's evidence, with the fields that `record_script` has.

    Parameters
    ----------
    script
        The script, whose hash the result names.
    evidence
        What it has written down.
    provenance
        Device, versions and date; None is what the script itself has written.
    full_size
        Whether it ran at full size.
    unfinished
        Why the script did not come to its end, which leaves a part of a result; None if it did.
    """
    about = dict(provenance or evidence.provenance)
    return {
        "schema": SCHEMA,
        "script": evidence.script,
        "script_sha256": hashlib.sha256(script.read_bytes()).hexdigest(),
        "commit": _commit(script.parent),
        "date": about.get("date"),
        "device": about.get("device"),
        "driver": about.get("driver"),
        "versions": about.get("versions"),
        "settings": {"OMP_NUM_THREADS": about.get("threads"), "full_size": full_size},
        "measurements": dict(evidence.measurements),
        "claims": list(evidence.claims),
        **({"unfinished": unfinished} if unfinished else {}),
    }


def result_file(results: Path, device: str, script: Path) -> Path:
    """Return where the result of a script is kept: a folder for each device.

    Examples
    --------
    >>> result_file(Path("results"), "NVIDIA H100 80GB HBM3", Path("gallery/1_environments/plot_step_cost.py")).as_posix()
    'results/nvidia-h100-80gb-hbm3/1_environments/plot_step_cost.json'
    """
    folder = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    return results / folder / f"{script_name(script)}.json"


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result in one piece: whenever this process is killed, there is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".json.new")
    unfinished.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


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
        path = result_file(options.into, str(result["device"]), script)
        write_result(path, result)
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
