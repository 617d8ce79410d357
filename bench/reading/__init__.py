"""Logs as long as those of real runs, written once: blocks of recordings with other numbers in them."""

from __future__ import annotations

import hashlib
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reading import _bars, _blocks, _prose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FOREIGN", "FORMATS", "RECORDINGS", "absent", "written"]

RECORDINGS = Path(__file__).parents[2] / "recordings"
_LENGTH = 10_000_000
"""Iterations or steps that the runs are said to have: more than any log here holds."""

_ISAACLAB = "isaaclab/*/*.txt"
FOREIGN = "no library"
"""Text that no library prints: no format, but what stands between the lines of one."""

FORMATS: dict[str, Callable[[random.Random], Iterator[bytes]]] = {
    "RSL-RL 5.5.1": partial(_blocks.rsl_rl, RECORDINGS / "rsl_rl/5.5.1/extras.txt", total=_LENGTH),
    "RSL-RL 3.0.1": partial(_blocks.rsl_rl, RECORDINGS / "rsl_rl/3.0.1/extras.txt", total=_LENGTH),
    "RL-Games 1.6.5": partial(_blocks.rl_games, RECORDINGS / "rl_games/1.6.5/checkpoints.txt", total=_LENGTH),
    "skrl, pipe": partial(_bars.skrl, columns=None, total=_LENGTH),
    "skrl, 200 columns": partial(_bars.skrl, columns=200, total=_LENGTH),
    "SB3 2.9.2, PPO": partial(_blocks.sb3, RECORDINGS / "sb3/2.9.2/default.txt"),
    "Isaac Lab": partial(_blocks.isaac_lab, RECORDINGS, _ISAACLAB, total=_LENGTH),
    FOREIGN: partial(_prose.lines, Path(__file__).parents[2]),
}


def absent(name: str) -> str | None:
    """Return why a format cannot be written, or None if it can."""
    if name == "Isaac Lab" and not list(RECORDINGS.glob(_ISAACLAB)):
        return "no recording yet"
    return None


def written(name: str, *, megabytes: int) -> Path:
    """Return the path of a log in this format and of this size; it is written if it is not there."""
    recipe = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    digest = hashlib.sha256(recipe).hexdigest()[:8]
    folder = Path(tempfile.gettempdir()) / "stepscope-bench"
    folder.mkdir(exist_ok=True)
    safe = "".join(letter if letter.isalnum() else "_" for letter in name)
    path = folder / f"{safe}-{megabytes}MB-{digest}.txt"
    if not path.exists():
        for outdated in folder.glob(f"{safe}-{megabytes}MB-*"):
            outdated.unlink()
        part = path.with_suffix(".part")
        _write(part, FORMATS[name](random.Random(name)), size=megabytes * 10**6)  # noqa: S311 - not a secret
        part.rename(path)
    return path


def _write(path: Path, pieces: Iterator[bytes], *, size: int) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        for piece in pieces:
            size -= file.write(piece)
            if size <= 0:
                return
