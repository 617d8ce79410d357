"""Holding back a line until all of it is there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stepscope.watch.loop import WholeLines

_PIECES = st.lists(st.binary(max_size=6) | st.sampled_from([b"\n", b"\r", b"\r\n", b"epoch: 1/2"]))


@given(_PIECES)
def test_nothing_is_lost_added_or_moved(pieces: list[bytes]) -> None:
    """What comes out, with the rest, is what went in."""
    lines = WholeLines()
    passed = [lines.add(piece) for piece in pieces]
    assert b"".join(pieces) == b"".join(passed) + lines.rest()


@given(_PIECES)
def test_only_whole_lines_pass(pieces: list[bytes]) -> None:
    """A reader that sees ``epoch: 1/20`` must not take it for all of ``epoch: 1/200``."""
    lines = WholeLines()
    for piece in pieces:
        whole = lines.add(piece)
        assert not whole or whole.endswith((b"\n", b"\r"))


def test_the_carriage_return_of_a_bar_ends_a_line() -> None:
    """A progress bar prints no other end until it is full."""
    lines = WholeLines()
    assert b"\r" == lines.add(b"\r 40%|####      | 64/160")
    assert b" 40%|####      | 64/160 [00:00<00:00, 570.95it/s]\r" == lines.add(
        b" [00:00<00:00, 570.95it/s]\r 41%|"
    )
    assert b" 41%|" == lines.rest()
    assert b"" == lines.rest()


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """Ten megabytes without an end pass in parts."""
    lines = WholeLines()
    held = 0
    for _ in range(160):
        lines.add(b"x" * (1 << 16))
        held = max(held, len(lines._rest))
    assert held <= 1 << 18
