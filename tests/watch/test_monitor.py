"""What is shown of a run, worked out from real recordings and from lines of known content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import read, reads
from stepscope.watch.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stepscope.watch.view_model import ViewModel

    Epochs = Callable[..., str]
    MonitorOf = Callable[..., Monitor]

_CRASH = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nRuntimeError: first\n'


def shown(monitor: Monitor, *, now: float = 100.0) -> ViewModel:
    """Return what is shown at a time."""
    return monitor.snapshot(now=now, wall=1e9)


def test_nothing_is_shown_of_nothing() -> None:
    """Before the first byte there is only the name, and that we wait."""
    model = shown(Monitor("train.log"))
    assert ("train.log", "waiting", None, (), None) == (
        model.name,
        model.phase,
        model.progress,
        model.rates,
        model.failure,
    )


def test_a_run_that_we_started_is_starting() -> None:
    """It needs no log to come into being; after a minute without a word one may wonder."""
    monitor = Monitor("python train.py", started=100.0)
    assert "starting" == shown(monitor, now=120.0).phase
    assert ("silent", "starting, silent for 1 min 30 s", "") == (
        (model := shown(monitor, now=190.0)).phase,
        model.status,
        model.hint,
    )


@pytest.mark.parametrize(
    "name",
    [
        "rl_games/1.6.5/checkpoints",
        "rl_games/1.5.2/default",
        "rsl_rl/5.5.1/default",
        "rsl_rl/2.1.2/default",
        "skrl/2.1.1/default",
        "sb3/2.9.2/default",
        "isaaclab/3.0.0/train",
    ],
)
def test_the_numbers_are_those_of_the_log(recordings: Path, monitor_of: MonitorOf, name: str) -> None:
    """Counts, rewards and rates are what the last records say, each rate under its own scope."""
    path = recordings / f"{name}.txt"
    model = shown(monitor_of(path.read_bytes()))
    steps = [record for record in read(path) if record.kind in ("iteration", "progress")]
    last = steps[-1]
    assert model.progress is not None
    assert last.iteration is not None
    assert last.iteration + (last.library == "rsl_rl") == model.progress.done
    assert last.iterations == model.progress.planned
    rewards = [record.reward for record in steps if record.reward is not None]
    if rewards:
        assert ("reward", rewards[-1]) == (model.quantities[0].name, model.quantities[0].last)
        assert len(rewards) == len(model.quantities[0].history)
    for rate in model.rates:
        if rate.scope == "bar" or rate.derived:
            continue
        values = [value for record in steps if (value := getattr(record.fps, rate.scope)) is not None]
        assert tuple(values) == rate.history
        assert min(values) <= rate.value <= max(values)
    printed = {scope for scope in ("step", "rollout", "total", "cumulative") if getattr(last.fps, scope)}
    assert printed == {rate.scope for rate in model.rates if not rate.derived and rate.scope != "bar"}


def test_the_settings_of_the_run_are_found_again(recordings: Path, monitor_of: MonitorOf) -> None:
    """How many iterations were done is what the run was told to do."""
    for path in sorted(recordings.glob("r*/*/default.json")):
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
        model = shown(monitor_of(path.with_suffix(".txt").read_bytes()))
        assert model.progress is not None
        assert settings["iterations"] == model.progress.done == model.progress.planned
        assert "finished" == model.phase


def test_shares_of_time_come_from_the_latest_iterations(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """A change shows within sixty iterations, however long the run was."""
    slow = epochs(1, 500, planned=1000)
    fast = epochs(501, 600, planned=1000).replace("fps total: 70", "fps total: 400")
    model = shown(monitor_of(slow + fast))
    assert model.time is not None
    assert 0.5 == pytest.approx(model.time.learn)
    assert 400 == model.rates[-1].value


def test_the_time_left_is_that_of_the_arrivals(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """Ten of forty epochs are done, one every two seconds: sixty seconds are left."""
    monitor = monitor_of(epochs(1, 10), step=2.0)
    model = shown(monitor, now=118.0)
    assert model.progress is not None
    assert (10, 40, 60.0) == (model.progress.done, model.progress.planned, model.progress.eta)


def test_the_time_left_of_an_old_log_is_that_of_its_rates(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """1,024 environment steps at 70 a second are 14.6 seconds an epoch, though all lines are read at once."""
    model = shown(monitor_of(epochs(1, 10), live=False))
    assert model.progress is not None
    assert 30 * 1024 / 70 == pytest.approx(model.progress.eta)


def test_of_two_ends_the_nearer_one_counts(monitor_of: MonitorOf) -> None:
    """RL-Games ends at its epochs or at its frames, whichever comes first."""
    line = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/1000 frames: {}/4096\n"
    model = shown(monitor_of("".join(line.format(epoch, 1024 * (epoch - 1)) for epoch in (1, 2, 3))))
    assert model.progress is not None
    assert ("env step", 4096) == (model.progress.unit, model.progress.planned)


def test_silence_is_told_with_its_usual_cause(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """RL-Games does not flush what it prints, so its lines wait in a buffer where the output is no terminal."""
    monitor = monitor_of(epochs(1, 10), step=1.0)
    assert ("running", "") == ((model := shown(monitor, now=110.0)).phase, model.hint)
    model = shown(monitor, now=109.0 + 180)
    assert ("silent", "silent for 3 min") == (model.phase, model.status)
    assert "PYTHONUNBUFFERED=1" in model.hint
    assert "" == shown(monitor, now=109.0 + 7200).hint  # no buffer lasts for hours


def test_a_pipe_that_gives_nothing_is_told_with_its_usual_cause() -> None:
    """The first lines of RL-Games fill no buffer for a hundred epochs; a log that does not exist has no such cause."""
    assert ("waiting", "") == ((model := shown(Monitor("-", piped=100.0), now=110.0)).status, model.hint)
    model = shown(Monitor("-", piped=100.0), now=145.0)
    assert ("waiting", "waiting for 45 s") == (model.phase, model.status)
    assert "PYTHONUNBUFFERED=1" in model.hint
    assert ("waiting", "") == ((model := shown(Monitor("a.log"), now=145.0)).status, model.hint)


def test_silence_of_a_slow_run_is_no_silence(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """Where an iteration takes a minute, nobody wonders about two."""
    monitor = monitor_of(epochs(1, 10), step=60.0)
    assert "running" == shown(monitor, now=100 + 9 * 60 + 120).phase
    assert "silent" == shown(monitor, now=100 + 9 * 60 + 300).phase


def test_silence_of_a_library_that_flushes_has_no_such_hint(recordings: Path, monitor_of: MonitorOf) -> None:
    """Stable-Baselines3 flushes each table, and a run that we started is not buffered."""
    monitor = monitor_of((recordings / "sb3/2.9.2/default.txt").read_bytes())
    assert ("silent", "") == ((model := shown(monitor, now=400.0)).phase, model.hint)


def test_identical_warnings_are_one_line(recordings: Path, monitor_of: MonitorOf) -> None:
    """Warp prints an overflow in every step of every world; it is counted, and the numbers in it are spanned."""
    text = (recordings / "isaaclab/3.0.0/overflow.txt").read_bytes()
    model = shown(monitor_of(text))
    most = max(model.warnings, key=lambda warned: warned.count)
    assert text.count(b"nefc overflow - please increase njmax to ") - 10 < most.count
    assert most.text.startswith("nefc overflow - please increase njmax to ")
    assert len(model.warnings) < 12


def test_new_warnings_come_first(epochs: Epochs) -> None:
    """What was warned about an hour ago matters less than what is warned about now."""
    monitor = Monitor("train.log")
    for at, text in (
        (100.0, "a.py:1: UserWarning: old\n" * 50),
        (110.0, epochs(1, 1)),
        (4000.0, "a.py:2: UserWarning: new\n"),
    ):
        monitor.note_output(at=at, live=True)
        for record in reads(text):
            monitor.add(record)
        shown(monitor, now=at)
    first, second = shown(monitor, now=4002.0).warnings
    assert ("new", 1, 2.0) == (first.text[-3:], first.count, first.age)
    assert ("old", 50, 3902.0) == (second.text[-3:], second.count, second.age)


def test_the_first_failure_stays(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """What comes after it is often its consequence."""
    later = _CRASH.replace("first", "second")
    model = shown(monitor_of(epochs(1, 3) + _CRASH + "\nodd\n" + later))
    assert "failed" == model.phase
    assert model.failure is not None
    assert ("RuntimeError: first", 3) == (model.failure.text, model.failure.place.after)
    assert _CRASH.rstrip() == model.traceback


def test_a_run_can_survive_a_traceback(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """A library may print one and go on; it stays on the screen, and the run goes on."""
    model = shown(monitor_of(epochs(1, 3) + _CRASH + epochs(4, 6)))
    assert "running" == model.phase
    assert model.failure is not None
    assert "finished" == shown(monitor_of(epochs(1, 3) + _CRASH + epochs(4, 40))).phase


def test_a_finished_run_has_nothing_left(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """After its last iteration, silence is what one expects."""
    model = shown(monitor_of(epochs(1, 40), step=1.0), now=5000.0)
    assert ("finished", "finished 1 h 21 min ago") == (model.phase, model.status)
    assert model.progress is not None
    assert model.progress.eta is None


def test_a_second_run_in_a_log_begins_anew(recordings: Path, monitor_of: MonitorOf) -> None:
    """A log that is appended to shows the run at hand, with a word about the one before."""
    first = (recordings / "rl_games/1.6.5/diverged.txt").read_bytes()
    second = (recordings / "rl_games/1.6.5/default.txt").read_bytes()
    model = shown(monitor_of(first + second))
    assert "finished" == model.phase
    assert model.failure is None
    assert ("run 2 of this log; run 1 failed",) == model.notes


def test_messages_are_shown_until_the_run_is_under_way(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """They are all there is while a simulator starts; later only a new one is of interest."""
    monitor = monitor_of("Started to train\ncurrent training device: cpu\n")
    assert ("Started to train", "current training device: cpu") == shown(monitor, now=1000.0).latest
    for record in reads(epochs(1, 5)):
        monitor.add(record)
    assert () == shown(monitor, now=1000.0).latest


def test_warnings_of_a_long_run_are_counted_at_once(epochs: Epochs, monitor_of: MonitorOf) -> None:
    """However long a run is, no warning waits to be counted."""
    monitor = monitor_of(epochs(1, 10_000, planned=20_000))
    shown(monitor)
    for record in reads("nefc overflow - please increase njmax to 8\n" * 7):
        monitor.add(record)
    [warning] = shown(monitor, now=100.1).warnings
    assert 7 == warning.count


def test_what_is_no_log_is_said_so(monitor_of: MonitorOf) -> None:
    """The same sentence as from ``stepscope read``."""
    assert "has no line that" in (monitor_of("hello\n").problem or "")
    assert monitor_of("Started to train\n").problem is None


def test_memory_does_not_grow(epochs: Epochs) -> None:
    """After hours of running, a hundred thousand epochs and warnings take as little as ten thousand."""
    import tracemalloc  # noqa: PLC0415 - it slows everything down

    monitor = Monitor("train.log")
    monitor.note_output(at=100.0, live=True)

    def run(first: int, last: int) -> int:
        for epoch in range(first, last):
            text = epochs(epoch, epoch, planned=10**9) + f"nefc overflow - please increase njmax to {epoch}\n"
            for record in reads(text):
                monitor.add(record)
        shown(monitor)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    early, late = run(1, 2000), run(2000, 6000)
    tracemalloc.stop()
    # Only the values that medians are made of are kept, eight bytes each: three rates and two checks of them.
    assert late - early < 4000 * 8 * 6 + 50_000


def test_a_name_cannot_write_on_the_terminal() -> None:
    """A path may hold escapes too."""
    assert "ab" == shown(Monitor("a\x1b[31mb")).name
