"""What blocks of lines are made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stepscope.logs._blocks import Numbers


def test_a_label_printed_again_gets_the_next_free_name() -> None:
    """A label that looks like a counted one keeps its name, and whoever comes later gives way."""
    numbers = Numbers()
    for value, label in enumerate(["a", "a (3)", "a", "a", "a (3)", "b"]):
        numbers.put(label, value)
    assert {"a": 0, "a (3)": 1, "a (2)": 2, "a (4)": 3, "a (3) (2)": 4, "b": 5} == numbers.metrics


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "a (2) (2)", "b"])))
def test_no_number_is_lost(labels: list[str]) -> None:
    """Whatever labels are printed in whatever order, each of their numbers is there, in the printed order."""
    numbers = Numbers()
    for value, label in enumerate(labels):
        numbers.put(label, value)
    assert list(range(len(labels))) == list(numbers.metrics.values())
