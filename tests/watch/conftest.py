"""What the tests of the parts of ``stepscope watch`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stepscope.logs import reads
from stepscope.watch.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = "fps step: {} fps step and policy inference: 800 fps total: 70 epoch: {}/{} frames: {}\n"


@pytest.fixture
def epochs() -> Callable[..., str]:
    """Return a function that returns lines as RL-Games prints them: epochs `first` to `last` of `planned`."""

    def lines(first: int, last: int, *, planned: int = 40) -> str:
        return "".join(
            _EPOCH.format(9000 + epoch, epoch, planned, (epoch - 1) * 1024)
            for epoch in range(first, last + 1)
        )

    return lines


@pytest.fixture
def monitor_of() -> Callable[..., Monitor]:
    """Return a function that returns the state after a text, every record of which was printed when it was read.

    The clock begins at 100 and goes on by `step` with each record.
    """

    def fill(text: str | bytes, *, name: str = "train.log", step: float = 0.0, live: bool = True) -> Monitor:
        monitor = Monitor(name)
        now = 100.0
        for record in reads(text):
            monitor.note_output(at=now, live=live)
            monitor.add(record)
            now += step
        return monitor

    return fill
