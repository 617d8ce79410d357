"""Each library learns to keep the pole up, by what it says itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stepscope.logs import read
from stepscope.train import LIBRARIES, run

if TYPE_CHECKING:
    from pathlib import Path

UNTRAINED, LEARNT, LONGEST = 50, 300, 500


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_episodes_get_long(library: str, tmp_path: Path) -> None:
    """Episodes last 300 of 500 steps on average before 60 iterations are over, after less than 50 at first."""
    log = tmp_path / "train.log"
    settings = {"num_envs": 256, "iterations": 60, "horizon": 32, "seed": 1, "device": "cpu"}
    assert run(library, log=log, cwd=tmp_path, **settings) == 0

    lengths = from_tensorboard(tmp_path) if library == "skrl" else from_console(log)
    assert lengths[0] < UNTRAINED
    assert LEARNT <= max(lengths) <= LONGEST


def from_console(log: Path) -> list[float]:
    """Return the mean lengths printed; RL-Games prints returns only, which are lengths, the reward being 1 a step."""
    printed = [
        record.reward if record.kind == "best_reward" else record.episode_length
        for record in read(log)
        if record.kind in ("best_reward", "iteration")
    ]
    return [length for length in printed if length is not None]


def from_tensorboard(folder: Path) -> list[float]:
    """Return the mean lengths that skrl wrote, which it does not print."""
    [events] = folder.rglob("events.out.tfevents.*")
    scalars = EventAccumulator(str(events))
    scalars.Reload()
    return [point.value for point in scalars.Scalars("Episode / Total timesteps (mean)")]
