"""Recordings of what each library prints.

A recording is the console output of a real run, ``recordings/LIBRARY/VERSION/VARIANT.txt``, and its provenance in a
JSON file next to it.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stepscope
from stepscope.evidence import provenance
from stepscope.logs import BY_KEY
from stepscope.train import LIBRARIES, console_command, run_and_capture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PATHS", "VARIANTS", "Recording", "capture_output", "make_recording", "write_recording"]

_COMMON: dict[str, object] = {"num_envs": 64, "iterations": 12, "horizon": 32, "seed": 1, "device": "cpu"}
_CHECKPOINTS: dict[str, object] = {"checkpoint_every": 4}
# A step size that no network survives: the weights are NaN after the first update, and most libraries crash.
_DIVERGED: dict[str, object] = {"learning_rate": 1e30}

_EXTRA: dict[str, dict[str, dict[str, object]]] = {
    "rsl_rl": {"extras": {"episode_terms": True}},
    "sb3": {"sac": {"algorithm": "sac", "num_envs": 8}, "dqn": {"algorithm": "dqn", "num_envs": 8}},
}
VARIANTS = {
    library: {"default": {}, "checkpoints": _CHECKPOINTS, "diverged": _DIVERGED, **_EXTRA.get(library, {})}
    for library in LIBRARIES
}
"""Recorded variants of each library, with the settings that differ from the common ones."""

PATHS = {
    str(Path(stepscope.__file__).parents[1]): "<stepscope>",
    sysconfig.get_path("purelib"): "<site-packages>",
    sysconfig.get_path("stdlib"): "<python>",
    sys.prefix: "<environment>",
}
"""Folders of this machine, and their placeholders in a recording."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Provenance of a recording: the JSON file next to the text.

    Attributes
    ----------
    library, version, variant
        Program that ran.
    command
        Command line that makes the recording anywhere.
    settings
        Options of the command.
    versions
        Version of Python and of each package that decides what is printed.
    device
        Name of the processor or GPU.
    date
        Day, in UTC.
    seconds
        Wall time of the whole process, in seconds.
    exit_code
        Exit status of the process.
    replaced
        Placeholders in the text for folders of the machine that recorded it.
    """

    library: str
    version: str
    variant: str
    command: str
    settings: dict[str, object]
    versions: dict[str, str]
    device: str
    date: str
    seconds: float
    exit_code: int
    replaced: list[str]


def make_recording(library: str, variant: str) -> tuple[bytes, Recording]:
    """Train with a variant of `library`, and return what it printed and its provenance."""
    settings = {**_COMMON, **VARIANTS[library][variant]}
    arguments = console_command(library, settings)
    text, outcome = capture_output([sys.executable, *arguments])
    where = provenance()
    return text, Recording(
        library=library,
        version=metadata.version(BY_KEY[library].distribution),
        variant=variant,
        command=" ".join(["python", *arguments]),
        settings=settings,
        versions=where.versions,
        device=where.device,
        date=where.date,
        **outcome,
    )


def capture_output(
    command: Sequence[str],
    *,
    paths: Mapping[str, str] = PATHS,
    environment: Mapping[str, str] | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Run a command in an empty folder, as ``COMMAND > train.log 2>&1`` would.

    Parameters
    ----------
    command
        Program and arguments.
    paths
        Folders of this machine, and their placeholders in the text.
    environment
        Environment variables besides those of this process; ``<here>`` in a value is the empty folder.

    Returns
    -------
    text : bytes
        Everything that it printed, with ``<here>`` for the empty folder.
    outcome : dict
        ``seconds``, ``exit_code`` and ``replaced`` of a `Recording`.
    """
    with tempfile.TemporaryDirectory(prefix="stepscope-") as temporary:
        folder = str(Path(temporary).resolve())  # as the process itself will name it
        variables = {name: value.replace("<here>", folder) for name, value in (environment or {}).items()}
        log = Path(folder) / "train.log"
        started = time.perf_counter()
        exit_code = run_and_capture(command, log=log, cwd=folder, environment=variables)
        seconds = round(time.perf_counter() - started, 1)
        text, replaced = mask_paths(log.read_bytes(), {**paths, folder: "<here>"})
    return text, {"seconds": seconds, "exit_code": exit_code, "replaced": replaced}


def mask_paths(text: bytes, paths: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """Return `text` with placeholders for folders, and those placeholders that it contains.

    Examples
    --------
    >>> mask_paths(b"saved to /home/me/runs", {"/home/me": "<here>", "/usr": "<system>"})
    (b'saved to <here>/runs', ['<here>'])
    """
    # The longest first: site-packages lies inside the environment's own folder.
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path.encode(), paths[path].encode())
    return text, [name for name in dict.fromkeys(paths.values()) if name.encode() in text]


def write_recording(text: bytes, recording: Recording, *, into: Path, suffix: str = ".txt") -> Path:
    """Write ``LIBRARY/VERSION/VARIANT.txt`` below a folder, and the JSON next to it; return the path of the text.

    The suffix of what a terminal shows, with the commands, is ``.console``.
    """
    path = into / recording.library / recording.version / f"{recording.variant}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.with_suffix(".json").write_text(json.dumps(asdict(recording), indent=2) + "\n", encoding="utf-8")
    return path
