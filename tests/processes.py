"""Which processes a test has started, whatever has become of their parents."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

_NAME = "STEPSCOPE_STARTED_BY"


class Started:
    """The living processes that have a mark in their environment, which they inherit.

    Attributes
    ----------
    environment
        The mark: a variable and its value.
    """

    def __init__(self) -> None:
        self.environment = {_NAME: uuid.uuid4().hex}

    def pids(self) -> list[int]:
        """Return their numbers now."""
        mark = f"{_NAME}={self.environment[_NAME]}".encode()
        return [
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and mark in _environment(folder).split(b"\0")
        ]

    def left(self) -> list[int]:
        """Return those that do not end by themselves, after some time; what is dead is gone sooner."""
        deadline = time.monotonic() + 60
        while (pids := self.pids()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return pids


def _environment(folder: Path) -> bytes:
    try:
        return (folder / "environ").read_bytes()  # a process that has ended has none
    except OSError:
        return b""
