"""Cutting bytes into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.logs._lines import LINE_LIMIT, TRACEBACK, Line, split

_pieces = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\x1b[1m", b"\x1b", TRACEBACK, b"\xff", b" "])).map(
    b"".join
)


@given(_pieces | st.binary(), st.integers(1, 7))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, size: int) -> None:
    """A pipe may deliver one byte at a time, between a carriage return and its line feed too."""
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(split([data])) == list(split(chunks))


@given(_pieces)
def test_lines_cover_the_input(data: bytes) -> None:
    """Each line starts where the one before ended."""
    lines = list(split([data]))
    assert [0, *(line.end for line in lines)] == [*(line.start for line in lines), len(data)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_kind_of_line_end_is_one(end: bytes) -> None:
    """Logs come from Linux, from Windows and from terminals, and bars draw themselves over."""
    assert [Line(b"a", 0, 1 + len(end), True), Line(b"b", 1 + len(end), 2 + len(end), False)] == list(  # noqa: FBT003 - whole
        split([b"a" + end + b"b"])
    )


def test_control_sequences_are_removed() -> None:
    """Colours, cursor movements and a window title leave only what a reader sees."""
    [line] = split([b"\x1b]0;title\x07\x1b[1m\x1b[38;5;197mbold\x1b[0m\x1b[2K \x1b(Bend\n"])
    assert line.text == b"bold end"


def test_a_long_line_keeps_its_beginning() -> None:
    """A line longer than the limit is one line, cut, and known to be cut."""
    data = b"x" * (3 * LINE_LIMIT) + b"\nnext\n"
    for size in (1000, len(data)):
        long, following = split(data[at : at + size] for at in range(0, len(data), size))
        assert (b"x" * LINE_LIMIT, 3 * LINE_LIMIT + 1, False) == (long.text, long.end, long.whole)
        assert (b"next", True) == (following.text, following.whole)


def test_a_traceback_in_the_middle_of_a_line_starts_its_own() -> None:
    """Standard error is not buffered, so a traceback can land behind half a line of standard output."""
    assert [b"Mean rew", TRACEBACK] == [line.text for line in split([b"Mean rew" + TRACEBACK + b"\n"])]


@pytest.mark.parametrize("prefix", [b"[rank0]: ", b"  + Exception Group ", b"    | ", b"\x1b[31m"])
def test_what_belongs_before_a_traceback_stays_with_it(prefix: bytes) -> None:
    """A rank, a colour or the frame of an exception group is no half line."""
    assert len(list(split([prefix + TRACEBACK + b"\n"]))) == 1
