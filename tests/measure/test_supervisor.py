"""Measured processes that turn on their supervisor, or whose parent is gone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.measure import MeasurementFailedError, _subprocess, footprint_of, run_in_subprocess
from tests.processes import Started

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are watched on Linux")


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Mark what is started, find the targets beside this file, and measure with a server of this test's own."""
    started = Started()
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    server = _subprocess._Server(limit_bytes=700 * MIB)
    monkeypatch.setattr(_subprocess, "_server", server)
    yield started
    server.stop()
    assert [] == started.left()


@pytest.mark.parametrize(
    ("generations", "number"),
    [
        ([1], signal.SIGKILL),
        ([1], signal.SIGTERM),
        ([1], signal.SIGSTOP),
        ([2, 1], signal.SIGSTOP),
        ([2], signal.SIGKILL),
    ],
)
def test_a_footprint_that_turns_on_its_watcher_ends(
    started: Started, generations: list[int], number: int
) -> None:
    """Whoever kills or stops the process that watches it, or that one's guard, is ended at once."""
    target = "targets_under_test:turn_on_watchers"
    outcome = footprint_of(target, generations=generations, number=number, limit_seconds=500)
    assert ("failed", "lost the process that watches it, and was ended") == (outcome.status, outcome.reason)
    assert [] == started.left()


def test_a_footprint_that_stops_the_guard_is_measured() -> None:
    """Nobody waits for a guard that is not needed."""
    target = "targets_under_test:turn_on_watchers"
    assert footprint_of(target, generations=[2], number=signal.SIGSTOP, hangs=False).ok


@pytest.mark.parametrize("generations", [[1], [2], [3]])
def test_a_measurement_that_kills_an_ancestor_ends(started: Started, generations: list[int]) -> None:
    """Whether it is the server, its watcher or the guard: nothing is left, and the next measurement works."""
    with pytest.raises(MeasurementFailedError):
        run_in_subprocess(
            "targets_under_test:turn_on_watchers", generations=generations, number=signal.SIGKILL, limit=500
        )
    assert [] == started.left()
    assert {} == run_in_subprocess("targets_under_test:echo")


@pytest.mark.parametrize("closes", [False, True])
def test_a_measurement_leaves_no_daemon(started: Started, *, closes: bool) -> None:
    """A process in a session of its own, whose parent has ended, keeps nobody waiting and ends with the measurement."""
    daemon = run_in_subprocess("targets_under_test:become_a_daemon", closes=closes, limit=300)
    assert daemon not in started.pids()


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("fork_memory", {"mebibytes": 150, "children": 8}),
        ("write_memory", {"mebibytes": 1200}),
    ],
)
def test_a_measurement_ends_where_its_limit_is(target: str, arguments: dict[str, int]) -> None:
    """The limit is for all its processes together, and for memory that is in none of them; the next one works."""
    with pytest.raises(MeasurementFailedError, match=r"took more than its limit of 700 MiB"):
        run_in_subprocess(f"targets_under_test:{target}", limit=500, **arguments)
    assert {} == run_in_subprocess("targets_under_test:echo")


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("exit", "raised SystemExit: why"),
        ("exit at once", "raised SystemExit: 0"),
        ("interrupt", "raised KeyboardInterrupt"),
        ("mute", "raised Mute"),
        ("lines", "raised ValueError: one"),
        ("long", "raised ValueError: xxx"),
    ],
)
def test_whatever_is_raised_is_told_in_a_line(what: str, reason: str) -> None:
    """An exception of any kind has its type and the start of its first line, in both ways of measuring."""
    with pytest.raises(MeasurementFailedError) as error:
        run_in_subprocess("targets_under_test:raise_it", what=what)
    outcome = footprint_of("targets_under_test:raise_it", what=what)
    for text in (error.value.reason, outcome.reason):
        assert text.startswith(reason) if what == "long" else text == reason
    for words in (error.value.reason, error.value.output_tail, outcome.reason, outcome.output_tail):
        assert all(len(line) < 400 and line.isprintable() for line in words.splitlines())
