"""Numbers and durations, against what Python prints."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope.logs._values import parse_duration, parse_int, parse_number


@given(st.integers(1 - 10**18, 10**18 - 1))
def test_a_printed_int_is_read_back_as_an_int(value: int) -> None:
    """An int of up to 18 digits comes back exactly, as an int."""
    assert (value, int) == (parse_number(str(value).encode()), type(parse_number(str(value).encode())))


@pytest.mark.parametrize("digits", [19, 308, 309, 400])
def test_a_very_long_int_is_a_float(digits: int) -> None:
    """An int that nothing counts up to is what Python makes of it as a float, and never too large for one."""
    text = "9" * digits
    assert [float(text), -float(text)] == [parse_number(text.encode()), parse_number(f"-{text}".encode())]
    assert isinstance(parse_number(text.encode()), float)
    assert parse_int(text.encode()) is None


@given(st.floats(allow_nan=False))
def test_a_printed_float_is_read_back_exactly(value: float) -> None:
    """Whatever float Python prints in full is read back as that float."""
    assert value == parse_number(repr(value).encode())


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([".0f", ".2f", ".4f", "8.3g", "e"]))
def test_a_formatted_float_is_read_back_to_the_printed_precision(value: float, form: str) -> None:
    """A float in any format of the libraries is read back as Python reads it."""
    text = f"{value:{form}}".strip()
    assert float(text) == parse_number(text.encode())


def test_nan_is_a_number() -> None:
    """A NaN that was printed is read as one, not as absent."""
    assert math.isnan(parse_number(b"nan") or 0)


@pytest.mark.parametrize(
    "text", [b"", b"-", b"1_000", b"0x10", b"12s", b"1.2.3", b"infinity", b"1" * 9999, b"\xff"]
)
def test_what_is_no_number_is_none(text: bytes) -> None:
    """Text that only looks like a number to Python's own functions, or is absurdly long, is none."""
    assert parse_number(text) is None


def test_only_whole_numbers_are_integers() -> None:
    """A field that counts is never filled with a float."""
    assert [7, None, None, None] == [parse_int(text) for text in (b"7", b"7.0", b"nan", None)]


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_a_printed_timedelta_is_read_back_in_seconds(value: timedelta) -> None:
    """RSL-RL prints elapsed time as Python prints a timedelta, days included."""
    seconds = int(value.total_seconds())
    assert seconds == parse_duration(str(timedelta(seconds=seconds)).encode())


@pytest.mark.parametrize("text", [b"", b"?", b"12", b"1:2:3:4", b"1 day", b"aa:bb", b"1" * 99 + b":00"])
def test_what_is_no_duration_is_none(text: bytes) -> None:
    """A duration that cannot be read is absent, not zero."""
    assert parse_duration(text) is None
