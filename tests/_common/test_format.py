"""Durations and texts as people say them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope._common.format import format_duration, format_finish_time, format_hms


@given(st.floats(0, 1e8), st.floats(0, 1e8))
def test_a_longer_time_is_never_said_to_be_shorter(one: float, other: float) -> None:
    """What is said, turned back into seconds, is off by a few percent at most."""
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}

    def back(text: str) -> int:
        words = text.split()
        return sum(int(count) * units[unit] for count, unit in zip(words[::2], words[1::2], strict=True))

    for seconds in (one, other):
        assert seconds == pytest.approx(back(format_duration(seconds)), rel=0.06, abs=0.5)


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), 1e300])
def test_no_time_is_too_strange(strange: float) -> None:
    """What cannot be a duration is still said."""
    assert "years" == format_duration(strange)
    assert "?" == format_hms(strange)
    assert "" == format_finish_time(strange, wall=0)


def test_the_end_is_a_time_of_day() -> None:
    """Today the hour is enough; later the day is needed."""
    noon = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))
    assert "14:30" == format_finish_time(9000, wall=noon)
    assert "Thu 12:00" == format_finish_time(86400, wall=noon)
    assert "14 Mar" == format_finish_time(10 * 86400, wall=noon)
