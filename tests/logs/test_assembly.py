"""Lines of several prints in one another, and prints that were cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepscope.logs._read import stream

RECORDINGS = Path(__file__).parents[2] / "recordings"
RSL_RL = (RECORDINGS / "rsl_rl" / "5.5.1" / "default.txt").read_bytes()
SB3 = (RECORDINGS / "sb3" / "2.9.2" / "default.txt").read_bytes()
WARNING = b"nefc overflow - please increase njmax to 8\n"


def iterations(log: bytes) -> list[dict[str, float]]:
    """Return the numbers of the iterations in a log."""
    return [record.metrics for record in stream([log]) if record.kind == "iteration"]


def cut_in_a_block(log: bytes) -> bytes:
    """Return a log that ends within its third block."""
    third = log.index(b"Learning iteration 2/")
    return log[: log.index(b"Mean reward", third)]


def test_the_run_behind_one_that_was_cut_off_is_whole() -> None:
    """A block without its end neither takes the ends of later ones nor passes for what they look like."""
    alone = iterations(RSL_RL)
    behind = iterations(cut_in_a_block(RSL_RL) + b"\n\n" + RSL_RL)

    assert alone == behind[-len(alone) :]


def test_the_tables_behind_a_block_that_was_cut_off_are_whole() -> None:
    """The dashes of a table belong to it, though a block above still waits for a line of dashes."""
    alone = iterations(SB3)
    behind = iterations(cut_in_a_block(RSL_RL) + b"\n\n" + SB3)

    assert len(alone) > 5
    assert alone == behind[-len(alone) :]


@pytest.mark.parametrize("where", [b"Mean reward", b"-----", b"Iteration time", b"ETA"])
def test_a_block_goes_on_below_the_lines_of_others(where: bytes) -> None:
    """Warnings may stand above any line of a block, the line of dashes in it included."""
    title = RSL_RL.index(b"Learning iteration 2/")
    at = RSL_RL.rindex(b"\n", 0, RSL_RL.index(where, title)) + 1
    interrupted = RSL_RL[:at] + 3 * WARNING + RSL_RL[at:]

    assert iterations(RSL_RL) == iterations(interrupted)
