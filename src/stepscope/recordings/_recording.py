"""Recordings of what each library prints.

A recording is the console output of a real run, ``recordings/LIBRARY/VERSION/VARIANT.txt``,
with a JSON file beside it that says how it was made.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import stepscope
from stepscope.evidence import provenance
from stepscope.train import console_command, run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "DISTRIBUTIONS",
    "PLACES",
    "VARIANTS",
    "Recording",
    "make_recording",
    "settings_of",
    "without_places",
    "write_recording",
]

DISTRIBUTIONS = {
    "rl_games": "rl-games",
    "rsl_rl": "rsl-rl-lib",
    "skrl": "skrl",
    "sb3": "stable-baselines3",
}
"""Name under which each library is installed."""

_COMMON: dict[str, object] = {"num_envs": 64, "iterations": 12, "horizon": 32, "seed": 1, "device": "cpu"}
_CHECKPOINTS: dict[str, object] = {"checkpoint_every": 4}
# A step size that no network survives: the weights are NaN after the first update, and most libraries crash.
_DIVERGED: dict[str, object] = {"learning_rate": 1e30}

VARIANTS: dict[str, dict[str, dict[str, object]]] = {
    "rl_games": {"default": {}, "checkpoints": _CHECKPOINTS, "diverged": _DIVERGED},
    "rsl_rl": {
        "default": {},
        "checkpoints": _CHECKPOINTS,
        "extras": {"episode_terms": True},
        "diverged": _DIVERGED,
    },
    "skrl": {"default": {}, "checkpoints": _CHECKPOINTS, "diverged": _DIVERGED},
    "sb3": {
        "default": {},
        "checkpoints": _CHECKPOINTS,
        "diverged": _DIVERGED,
        "sac": {"algorithm": "sac", "num_envs": 8},
        "dqn": {"algorithm": "dqn", "num_envs": 8},
    },
}
"""What is recorded of each library, with the settings in which a variant differs from the common ones."""

PLACES = {
    str(Path(stepscope.__file__).parents[1]): "<stepscope>",
    sysconfig.get_path("purelib"): "<site-packages>",
    sysconfig.get_path("stdlib"): "<python>",
    sys.prefix: "<environment>",
}
"""Folders of this machine, and what stands for each in a recording."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How a recording was made, as the JSON file beside it tells.

    Attributes
    ----------
    library, version, variant
        What was run.
    command
        The command line, to be run again anywhere.
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
        What stands in the text instead of folders of the machine that recorded it.
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


def settings_of(library: str, variant: str) -> dict[str, object]:
    """Return all settings with which a variant is recorded."""
    return {**_COMMON, **VARIANTS[library][variant]}


def make_recording(library: str, variant: str) -> tuple[bytes, Recording]:
    """Run `library` in an empty folder and return what it printed, and how it was made.

    Folders of this machine are replaced in the text; nothing else is touched.
    """
    settings = settings_of(library, variant)
    with tempfile.TemporaryDirectory(prefix="stepscope-") as temporary:
        folder = str(Path(temporary).resolve())  # as the process itself will name it
        log = Path(folder) / "console.txt"
        started = time.perf_counter()
        status = run(library, log=log, cwd=folder, check=False, **settings)
        seconds = time.perf_counter() - started
        text, replaced = without_places(log.read_bytes(), {**PLACES, folder: "<here>"})
    made = provenance()
    return text, Recording(
        library=library,
        version=metadata.version(DISTRIBUTIONS[library]),
        variant=variant,
        command=" ".join(["python", *console_command(library, settings)]),
        settings=settings,
        versions=made.versions,
        device=made.device,
        date=datetime.now(tz=timezone.utc).date().isoformat(),
        seconds=round(seconds, 1),
        exit_code=status,
        replaced=replaced,
    )


def without_places(text: bytes, places: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """Return `text` with other words instead of folders, and the words that now stand in it.

    Examples
    --------
    >>> without_places(b"saved to /home/me/runs", {"/home/me": "<here>", "/usr": "<system>"})
    (b'saved to <here>/runs', ['<here>'])
    """
    # The longest first: site-packages lies inside the environment's own folder.
    for path in sorted(places, key=len, reverse=True):
        text = text.replace(path.encode(), places[path].encode())
    return text, [name for name in dict.fromkeys(places.values()) if name.encode() in text]


def write_recording(text: bytes, recording: Recording, *, into: Path) -> Path:
    """Write ``LIBRARY/VERSION/VARIANT.txt`` below a folder, and the JSON beside it; return the path of the text."""
    path = into / recording.library / recording.version / f"{recording.variant}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.with_suffix(".json").write_text(json.dumps(asdict(recording), indent=2) + "\n", encoding="utf-8")
    return path
