"""Which process of several printed a line: torchrun and PyTorch put its number in front."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepscope.logs._lines import Line

__all__ = ["find_rank", "split_rank_prefix"]

# "[default1]:" is torchrun's (a role and the local rank), "[rank1]: " PyTorch's own before each line of a traceback.
_PREFIX = re.compile(rb"\[([A-Za-z_]{1,40})(\d{1,6})\]:( ?)")
# Ranks that the libraries name themselves.
_NAMED = re.compile(r"(?:\(rank: |global_rank = |for rank )(\d{1,6})")


def split_rank_prefix(line: Line) -> tuple[int | None, Line]:
    """Return the rank in front of a line, and the line without it; the innermost prefix counts.

    >>> from stepscope.logs._lines import Line
    >>> split_rank_prefix(Line(b"[default1]:[rank3]: Traceback", 0, 30, True))
    (3, Line(text=b'Traceback', start=0, end=30, whole=True))
    """
    rank = None
    while line.text.startswith(b"[") and (match := _PREFIX.match(line.text)) is not None:
        rank = int(match[2])
        # Torchrun puts nothing between its prefix and the line, so a space belongs to the line.
        end = match.end() if match[1] == b"rank" else match.start(3)
        line = line._replace(text=line.text[end:])
    return rank, line


def find_rank(text: str) -> int | None:
    """Return the rank that a message names.

    >>> find_rank("global_rank = 1 local_rank = 1 world_size = 2"), find_rank("Started to train")
    (1, None)
    """
    head = text[:200]
    match = _NAMED.search(head) if "rank" in head else None  # `in` is much faster, and mostly decides
    return None if match is None else int(match[1])
