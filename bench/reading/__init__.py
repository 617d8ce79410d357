"""Logs of long trainings: blocks of recordings with other numbers in them."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reading import _bars, _blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CASES", "Case"]

_RECORDINGS = Path(__file__).parents[2] / "recordings"
_TOTAL = 10_000_000
"""Iterations or steps that the runs are said to have."""

_UNMARKED = 100  # pieces at the start that may be without a mark


class Case(NamedTuple):
    """What a log holds.

    Attributes
    ----------
    pieces
        Yields the log in pieces, without an end.
    mark
        What stands once in each of the things that are counted.
    count
        How many there are.
    seconds
        Seconds of one core that the whole command may take.
    """

    pieces: Callable[[random.Random], Iterator[bytes]]
    mark: bytes
    count: int
    seconds: float

    def write(self, path: Path) -> None:
        """Write the log.

        Raises
        ------
        ValueError
            If nothing that is written has the mark, so that the log would have no end.
        """
        left = self.count
        with path.open("wb") as file:
            for number, piece in enumerate(self.pieces(random.Random(self.count))):  # noqa: S311 - not a secret
                left -= piece.count(self.mark)
                file.write(piece)
                if left <= 0:
                    return
                if number > _UNMARKED and left == self.count:
                    raise ValueError(f"none of {number} pieces of this log holds {self.mark.decode()!r}")


def _warnings(choose: random.Random) -> Iterator[bytes]:
    while True:
        yield b"nefc overflow - please increase njmax to %d\n" % choose.randrange(100, 600)


def _rsl_rl(version: str) -> Callable[[random.Random], Iterator[bytes]]:
    return partial(_blocks.rsl_rl, _RECORDINGS / f"rsl_rl/{version}/extras.txt", total=_TOTAL)


CASES = {
    "RSL-RL 5.5.1": Case(_rsl_rl("5.5.1"), b"Learning iteration", 10_000, 1.0),
    "RSL-RL 3.0.1": Case(_rsl_rl("3.0.1"), b"Learning iteration", 10_000, 1.0),
    "RL-Games 1.6.5": Case(
        partial(_blocks.rl_games, _RECORDINGS / "rl_games/1.6.5/checkpoints.txt", total=_TOTAL),
        b"fps step: ",
        10_000,
        1.0,
    ),
    "SB3 2.9.2": Case(
        partial(_blocks.sb3, _RECORDINGS / "sb3/2.9.2/default.txt"), b"total_timesteps", 10_000, 1.0
    ),
    "skrl's bar": Case(partial(_bars.skrl, columns=None, total=_TOTAL), b"it/s]", 40_000, 1.0),
    "warnings of MuJoCo Warp": Case(_warnings, b"\n", 1_000_000, 2.0),
}
