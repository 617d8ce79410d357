"""Messages that differ only in their numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stepscope.runs._messages import MessageClusters, Place

_START = Place(byte=0)


def test_numbers_become_a_range() -> None:
    """Each number by itself, as numbers and not as text."""
    clusters = MessageClusters()
    for line in ("increase a to 8 or b to 100", "increase a to 16 or b to 99", "increase a to 12 or b to 9"):
        clusters.add(line, _START)
    [cluster] = clusters.clusters()
    assert ("increase a to 8…16 or b to 9…100", 3) == (cluster.text, cluster.count)


def test_numbers_that_stay_are_left_as_printed() -> None:
    """A line number in a file is no range."""
    clusters = MessageClusters()
    for _ in range(3):
        clusters.add("a.py:007: UserWarning: 1.50", _START)
    assert ["a.py:007: UserWarning: 1.50"] == [cluster.text for cluster in clusters.clusters()]


def test_the_place_is_that_of_the_first() -> None:
    """There it began."""
    clusters = MessageClusters()
    for byte in (5, 9):
        clusters.add(f"warning {byte}", Place(byte=byte, after=byte))
    assert [5] == [cluster.first.byte for cluster in clusters.clusters()]


@given(st.lists(st.text(), max_size=20))
def test_any_text_can_be_grouped(texts: list[str]) -> None:
    """None is lost, and a text that stands alone is shown as it is."""
    clusters = MessageClusters()
    for text in texts:
        clusters.add(text, _START)
    rows = clusters.clusters()
    assert len(texts) == sum(cluster.count for cluster in rows)
    assert {text for text in texts if texts.count(text) == 1} >= {row.text for row in rows if row.count == 1}


def test_places_in_words() -> None:
    """What was reported last, and of how much."""
    places = [
        Place(byte=0),
        Place(byte=0, after=3, planned=5000),
        Place(byte=0, after=1000, unit="vector step"),
    ]
    words = ["before anything was reported", "after iteration 3/5,000", "after vector step 1,000"]
    assert words == [str(place) for place in places]
