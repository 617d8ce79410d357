"""Times in front of lines tell how long a run took, where its library prints no time."""

from __future__ import annotations

import pytest

from stepscope.logs import reads

EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/900 frames: 0"


def _elapsed(lines: list[str]) -> list[float | None]:
    records = [record for record in reads("\n".join(lines) + "\n") if record.kind == "iteration"]
    return [record.derived.get("seconds.elapsed") for record in records]


@pytest.mark.parametrize(
    "stamps",
    [
        [f"2026-11-26 23:59:{number:02},500 | " for number in range(10, 60, 5)],
        [f"[2026/11/26 23:59:{number:02}][train][INFO] - " for number in range(10, 60, 5)],
        [f"trainer-1  | 2026-11-26T10:00:{number:02}.123456789Z " for number in range(10, 60, 5)],
        [f"2026-11-26T10:00:{number:02}.123456789Z " for number in range(10, 60, 5)],
        [f"Nov 26 10:00:{number:02} " for number in range(10, 60, 5)],
        [f"23:59:{number:02} > " for number in range(10, 60, 5)],
    ],
)
def test_seconds_since_the_first_line(stamps: list[str]) -> None:
    """Whatever logger stamps the lines."""
    lines = [f"{stamp}{EPOCH.format(number)}" for number, stamp in enumerate(stamps, 1)]
    assert [5.0 * number for number in range(10)] == _elapsed(lines)


def test_midnight() -> None:
    """A time without a date begins anew, and a line that comes late does not go back a day."""
    times = ["23:59:50", "23:59:58", "00:00:06", "00:00:05", "00:00:14"]
    lines = [f"{time} > {EPOCH.format(number)}" for number, time in enumerate(times, 1)]
    assert [0, 8, 16, 15, 24] == _elapsed(lines)


def test_a_run_that_began_again() -> None:
    """Its time begins with it."""
    epochs = [1, 2, 3, 1, 2]
    lines = [f"2026-11-26 10:00:{10 * at:02} | {EPOCH.format(epoch)}" for at, epoch in enumerate(epochs)]
    assert [0, 10, 20, 0, 10] == _elapsed(lines)


def test_no_stamp_no_time() -> None:
    """A name in front of the lines is no time."""
    assert [None, None, None] == _elapsed([f"trainer | {EPOCH.format(number)}" for number in (1, 2, 3)])
    assert [None, None, None] == _elapsed([EPOCH.format(number) for number in (1, 2, 3)])
