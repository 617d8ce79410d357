"""The fast lane: whole records at once, where a log goes on as it has gone on so far.

What is read here would be read line by line with the same result; the tests compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepscope.logs import rsl_rl, sb3
from stepscope.logs._lane_blocks import Blocks
from stepscope.logs._lane_lines import Bars, Epochs, Floods
from stepscope.logs._layouts import SIZE_LIMIT

if TYPE_CHECKING:
    from stepscope.logs._blocks import Context
    from stepscope.logs._lane import Lane
    from stepscope.logs._records import Record
    from stepscope.logs._runs import Runs

__all__ = ["Lanes"]


class Lanes:
    """The fast lanes of one log."""

    def __init__(self, context: Context, runs: Runs) -> None:
        self._context = context
        bars, epochs = Bars(runs, context), Epochs(runs)
        self._blocks: dict[str, Blocks] = {module.LIBRARY: Blocks(module, runs) for module in (rsl_rl, sb3)}
        self._by_first: dict[int, Lane] = {
            **dict.fromkeys(b"fs=", epochs),
            ord("#"): self._blocks[rsl_rl.LIBRARY],
            ord("-"): self._blocks[sb3.LIBRARY],
            **dict.fromkeys(b" 1", bars),
            **dict.fromkeys(b"Tbn", Floods(runs)),
        }

    def at(self, data: bytes, at: int) -> Lane | None:
        """Return the lane for what begins at `at`, if there could be one."""
        return self._by_first.get(data[at]) if at < len(data) else None

    def learn(self, record: Record, data: bytes, base: int) -> None:
        """Learn from a record that was read line by line, if all of it is at hand."""
        start, end = record.span
        blocks = self._blocks.get(record.library or "")
        if blocks is None or record.kind != "iteration" or record.rank is not None:
            return
        if start >= base and end - base <= len(data) and end - start <= SIZE_LIMIT:
            blocks.learn(record, data[start - base : end - base])
