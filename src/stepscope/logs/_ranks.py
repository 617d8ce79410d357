"""Which process of several printed a line: torchrun and PyTorch put its number in front."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.logs._lines import Line

__all__ = ["apart", "named"]

# "[default1]:" is torchrun's (a role and the local rank), "[rank1]: " PyTorch's own before each line of a traceback.
_PREFIX = re.compile(rb"\[([A-Za-z_]{1,40})(\d{1,6})\]:( ?)")
# Ranks that the libraries name themselves.
_NAMED = re.compile(r"(?:\(rank: |global_rank = |for rank )(\d{1,6})")


def apart(line: Line) -> tuple[int | None, Line]:
    """Return the rank in front of a line, and the line without it; the innermost prefix counts.

    >>> from stepscope.logs._lines import Line
    >>> apart(Line(b"[default1]:[rank3]: Traceback", 0, 30, True))
    (3, Line(text=b'Traceback', start=0, end=30, whole=True))
    """
    rank = None
    while line.text.startswith(b"[") and (found := _PREFIX.match(line.text)) is not None:
        rank = int(found[2])
        # Torchrun puts nothing between its prefix and the line, so a space belongs to the line.
        end = found.end() if found[1] == b"rank" else found.start(3)
        line = line._replace(text=line.text[end:])
    return rank, line


def named(text: str) -> int | None:
    """Return the rank that a message names.

    >>> named("global_rank = 1 local_rank = 1 world_size = 2"), named("Started to train")
    (1, None)
    """
    found = _NAMED.search(text[:200])
    return None if found is None else int(found[1])
