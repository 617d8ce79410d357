"""Sharing rows among the parts of a view."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from stepscope.watch.layout import Section, allocate_rows


def rows_of(name: str, size: int) -> list[Text]:
    """Return as many rows as wanted."""
    return [Text(f"{name} {row}") for row in range(size)]


def section(name: str, fewest: int, most: int, importance: int, *, preferred: int = 0) -> Section:
    """Return a part whose rows tell its name."""
    return Section(
        build=partial(rows_of, name), min=fewest, max=most, importance=importance, preferred=preferred
    )


def names(sections: list[list[Text]]) -> dict[str, int]:
    """Return how many rows each part got."""
    return {rows[0].plain.split()[0]: len(rows) for rows in sections if rows}


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=8
    ),
    st.integers(1, 60),
)
def test_there_is_never_more_than_the_room(sizes: list[tuple[int, int, int, int]], height: int) -> None:
    """Only the one part that is left last may be larger than all the room there is."""
    sections = [
        section(str(at), min(a, b), max(a, b), i, preferred=w) for at, (a, b, i, w) in enumerate(sizes)
    ]
    blocks = allocate_rows(sections, height)
    assert sum(map(len, blocks)) <= height or len(blocks) == 1


def test_all_have_what_they_need_and_a_gap_between() -> None:
    """Where there is just enough room, nothing is left out and nothing grows."""
    blocks = allocate_rows([section("a", 2, 5, 1), section("b", 3, 3, 0)], 6)
    assert {"a": 2, "b": 3} == names(blocks)


def test_what_matters_least_goes_first() -> None:
    """The order on the screen is not that of importance."""
    sections = [section("min", 3, 3, 9), section("most", 3, 3, 0), section("less", 3, 3, 5)]
    assert {"most": 3, "less": 3} == names(allocate_rows(sections, 7))
    assert {"most": 3} == names(allocate_rows(sections, 5))


def test_gaps_matter_more_than_some_parts() -> None:
    """Rows that are crammed are read by nobody; but a number is worth more than a gap."""
    sections = [section("messages", 1, 1, 9), section("rates", 2, 2, 4), section("progress", 2, 2, 2)]
    assert {"rates": 2, "progress": 2} == names(allocate_rows(sections, 6))
    assert {"rates": 2, "progress": 2} == names(allocate_rows(sections, 4))


def test_wishes_come_before_luxury() -> None:
    """A part grows to its wish before a more important one gets all it could use."""
    sections = [section("curve", 1, 7, 1, preferred=2), section("lines", 1, 7, 5, preferred=3)]
    assert {"curve": 2, "lines": 3} == names(allocate_rows(sections, 6))
    assert {"curve": 7, "lines": 4} == names(allocate_rows(sections, 12))


def test_a_part_without_rows_is_not_there() -> None:
    """It takes no gap either."""
    assert {"a": 3} == names(allocate_rows([section("none", 0, 0, 0), section("a", 1, 9, 1)], 3))
