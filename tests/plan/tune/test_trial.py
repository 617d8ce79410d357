"""One trial: what is read while it trains, when it is ended, and that nothing of it is left."""

from __future__ import annotations

import math
import pickle
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from stepscope.errors import BadInputError
from stepscope.plan.tune import Outcome, run_trial
from tests.processes import Started

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")

RECORDINGS = Path(__file__).parents[3] / "recordings"
LONG = 1e6  # seconds: a busy machine may take its time


def _trial(script: str, **options: Any) -> Outcome:  # noqa: ANN401 - those of `run_trial`
    """Run a trial of a shell script."""
    settings = {"until": None, "budget_seconds": LONG, "first_seconds": LONG, **options}
    return run_trial(["sh", "-c", script], **settings)


def _show(name: str) -> str:
    """Return a shell command that prints a recording."""
    return f"cat {shlex.quote(str(RECORDINGS / name))}"


@pytest.mark.live
def test_a_training_ends_at_the_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real training is read while it runs, ended once it is good enough, and leaves no process."""
    pytest.importorskip("rsl_rl")
    started = Started()
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "stepscope.train", "rsl_rl", "--num-envs", "128", "--horizon", "16"]
    seen: list[tuple[float, float] | None] = []
    outcome = run_trial(
        [*command, "--iterations", "1000000"],
        until=60.0,
        budget_seconds=LONG,
        on_tick=lambda point: bool(seen.append(point)),  # type: ignore[func-returns-value]
    )
    assert ("reached", "rsl_rl", "") == (outcome.status, outcome.library, outcome.reason)
    *earlier, (seconds, reward) = outcome.curve
    assert all(value < 60.0 for _, value in earlier)
    assert reward >= 60.0
    assert seconds == outcome.seconds
    assert outcome.best_reward == reward
    assert sorted(outcome.curve) == list(outcome.curve)
    assert 0 == (outcome.env_steps or 1) % (128 * 16)
    assert outcome.host_bytes > 100e6  # PyTorch alone
    assert outcome.start_seconds > 0.5  # its import, which is no training
    assert seen[0] is None
    assert seen[-1] is not None
    assert [] == started.left()


@pytest.mark.live
def test_a_training_that_diverges_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cause of the catalogue is the reason."""
    pytest.importorskip("rsl_rl")
    monkeypatch.chdir(tmp_path)
    command = [
        sys.executable,
        "-m",
        "stepscope.train",
        "rsl_rl",
        "--num-envs",
        "64",
        "--learning-rate",
        "1e30",
    ]
    outcome = run_trial([*command, "--iterations", "1000000"], until=60.0, budget_seconds=LONG)
    assert "diverged" == outcome.status
    assert "normal expects all elements of std" in outcome.reason
    assert not outcome.ok


def test_the_time_of_a_trial_begins_with_the_first_iteration() -> None:
    """What happens before costs nothing, and the last reward counts to the end."""
    show = _show("rl_games/1.6.5/default.txt")
    outcome = _trial(f"sleep 1.5; {show}; exec sleep 1000", budget_seconds=1.0)
    assert ("time over", 1.0) == (outcome.status, outcome.seconds)
    assert outcome.start_seconds > 1.2
    assert outcome.best_reward == max(reward for _, reward in outcome.curve)
    assert outcome.mean_reward is not None
    assert min(reward for _, reward in outcome.curve) <= outcome.mean_reward <= outcome.best_reward


def test_a_trial_that_ends_by_itself_keeps_its_last_reward() -> None:
    """The area under the rewards goes on to the end of the budget."""
    outcome = _trial(_show("rl_games/1.6.5/default.txt"), budget_seconds=1e5)
    assert "ended" == outcome.status
    assert outcome.mean_reward == pytest.approx(outcome.curve[-1][1], rel=1e-2)


def test_others_may_stop_it() -> None:
    """The caller says so, or gives the time after which it is too slow."""
    script = f"{_show('rl_games/1.6.5/default.txt')}; exec sleep 1000"
    assert "stopped" == _trial(script, on_tick=lambda point: point is not None).status
    assert "stopped" == _trial(script, stop_seconds=0.5).status


@pytest.mark.parametrize(
    ("script", "status", "reason"),
    [
        (f"{_show('rl_games/1.6.5/diverged.txt')}; exit 1", "diverged", ""),
        (f"{_show('rsl_rl/5.5.1/diverged.txt')}; exit 1", "diverged", "normal expects all elements"),
        ("echo no space >&2; exit 3", "failed", "ended with exit status 3: no space"),
        ("echo 'torch.OutOfMemoryError: CUDA out of memory.'; exit 1", "out of memory", "out of memory"),
        ("kill -SEGV $$", "failed", "SIGSEGV"),
        ("echo hello", "ended", ""),
    ],
)
def test_what_fails_says_why(script: str, status: str, reason: str) -> None:
    """Standard error counts as well; the reason is one line."""
    outcome = _trial(script)
    assert status == outcome.status
    assert reason in outcome.reason
    assert "\n" not in outcome.reason


def test_what_prints_nothing_is_ended() -> None:
    """There is a limit for the first iteration."""
    outcome = _trial("exec sleep 1000", first_seconds=0.5)
    assert ("failed", "printed no iteration within 0.5 s") == (outcome.status, outcome.reason)


def test_the_memory_is_limited() -> None:
    """All processes of a trial count together; what takes more is ended."""
    code = "import time; held = bytearray(400_000_000); time.sleep(1000)"
    outcome = _trial(f"{sys.executable} -c '{code}' & wait", limit_bytes=200_000_000)
    assert "out of memory" == outcome.status
    assert "191 MiB" in outcome.reason


def test_a_missing_program_is_one_sentence() -> None:
    """There is nothing to search with it."""
    with pytest.raises(BadInputError, match="no-such-program cannot be started"):
        run_trial(["no-such-program"], until=None, budget_seconds=1.0)


def test_a_trial_can_run_elsewhere() -> None:
    """The function and what it returns can be sent to another process, and JSON can hold the outcome."""
    outcome = _trial(_show("rl_games/1.6.5/default.txt"), budget_seconds=1e5)
    assert run_trial is pickle.loads(pickle.dumps(run_trial))  # noqa: S301 - our own
    assert outcome == pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own
    assert outcome == Outcome.from_dict(outcome.to_dict())
    assert not math.isnan(outcome.mean_reward or 0.0)
