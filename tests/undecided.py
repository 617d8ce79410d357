"""Comparisons of measured times that know what noise is: they hold, they do not, or nothing can be said just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepscope.measure import Timing

_TRIES = 3


def above(threshold: float, measure: Callable[[], tuple[Timing, Timing]]) -> None:
    """Assert that the first of two times is more than so many times the second, judged by their quartiles.

    They are measured again where the quartiles do not decide. It fails only if it is false beyond noise every time,
    since a machine that is busy for a while makes one of two times longer than it is.
    """
    seen = []
    for _ in range(_TRIES):
        first, second = measure()
        seen.append((first.low / second.high, first.high / second.low))
        if seen[-1][0] > threshold:
            return
    said = ", ".join(f"{low:.3g} to {high:.3g}" for low, high in seen)
    assert any(high > threshold for _, high in seen), f"{said} times as long, and not more than {threshold:g}"
    pytest.skip(f"undecided: {said} times as long, of which {threshold:g} is the least")


def agreed(expected: object, measure: Callable[[], object], *, unknown: object = None) -> None:
    """Assert that a verdict on measured times is the expected one; one that says that it is `unknown` is none.

    It fails only if it is another one every time.
    """
    seen = []
    for _ in range(_TRIES):
        seen.append(measure())
        if seen[-1] == expected:
            return
    assert unknown in seen, f"{seen} and not {expected}"
    pytest.skip(f"undecided: {seen}, and {expected} was expected")
