"""Learning curves: reward against seconds and environment steps, recomputed from the text of recordings."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from stepscope.logs import read, reads
from stepscope.runs import LearningCurve

if TYPE_CHECKING:
    from pathlib import Path

_Points = list[tuple[float, int, float]]


def _rsl_rl(text: str) -> _Points:
    """Add up what each block prints as its two times."""
    blocks = text.split("Learning iteration ")[1:]
    seconds = itertools.accumulate(
        sum(
            float(time)
            for time in re.findall(r"(?:[Cc]ollection|[Ll]earning)(?: time)?:? (\d+\.\d+)s", block)
        )
        for block in blocks
    )
    steps = [int(re.search(r"Total (?:timesteps|steps): (\d+)", block)[1]) for block in blocks]
    rewards = [float(re.search(r"Mean (?:total )?reward: (-?[\d.]+)", block)[1]) for block in blocks]
    return list(zip(seconds, steps, rewards, strict=True))


def _rl_games(text: str) -> _Points:
    """Divide the steps of an iteration by its rate; the printed count is that from before the iteration."""
    rates = [int(rate) for rate in re.findall(r"fps total: (\d+)", text)]
    frames = [int(count) for count in re.findall(r"frames: (\d+)", text)]
    [each] = {later - earlier for earlier, later in itertools.pairwise(frames)}
    seconds = itertools.accumulate(each / rate for rate in rates)
    rewards = [re.search(r"best rewards: +\[?([\d.]+)", part) for part in re.split(r"fps step: ", text)[1:]]
    return [
        (second, count + each, float(reward[1]))
        for second, count, reward in zip(seconds, frames, rewards, strict=True)
        if reward is not None
    ]


def _sb3(text: str) -> _Points:
    """Divide all steps so far by the rate so far."""
    tables = [table for table in re.split(r"-{20,}", text) if "total_timesteps" in table]
    points = []
    for table in tables:
        steps, fps = (int(re.search(rf"{name} +\| (\d+)", table)[1]) for name in ("total_timesteps", "fps"))
        points.append((steps / fps, steps, float(re.search(r"ep_rew_mean +\| (-?[\d.]+)", table)[1])))
    return points


_BY_HAND = {"rsl_rl": _rsl_rl, "rl_games": _rl_games, "sb3": _sb3}


@pytest.mark.parametrize(
    ("library", "version", "until"),
    [
        ("rsl_rl", "5.5.1", 60),
        ("rsl_rl", "3.1.3", 60),
        ("rsl_rl", "2.1.2", 60),
        ("rl_games", "1.6.5", 60),
        ("rl_games", "1.6.0", 60),
        ("sb3", "2.9.2", 60),
        ("sb3", "2.3.2", 60),
    ],
)
def test_points_are_those_of_the_text(recordings: Path, library: str, version: str, until: float) -> None:
    """Every point, and the first one at a threshold, equals what the text gives when read in another way."""
    path = recordings / library / version / "default.txt"
    expected = _BY_HAND[library](path.read_text(encoding="utf-8"))
    curve = LearningCurve(until=until)
    with path.open("rb") as log:
        for record in read(log):
            curve.add(record)
    assert pytest.approx([seconds for seconds, _, _ in expected], abs=1e-9) == curve.by_seconds.x
    assert [steps for _, steps, _ in expected] == curve.by_env_steps.x
    assert [reward for _, _, reward in expected] == curve.by_seconds.y == curve.by_env_steps.y
    first = next(point for point in expected if point[2] >= until)
    assert curve.reached is not None
    assert pytest.approx(first) == tuple(curve.reached)
    assert pytest.approx(expected[-1]) == tuple(curve.last or ())


def test_no_reward_gives_no_point(recordings: Path) -> None:
    """The console output of skrl holds no reward."""
    curve = LearningCurve(until=1)
    with (recordings / "skrl" / "2.1.1" / "default.txt").open("rb") as log:
        for record in read(log, num_envs=64):
            curve.add(record)
    assert curve.first is curve.reached is None
    assert [] == curve.by_seconds.x


def test_printed_seconds_bound_the_sum() -> None:
    """Where iterations are missing from a log, the elapsed time that is printed counts."""
    block = (
        "Learning iteration {0}/9\n\nComputation: 100 steps/s (collection: 0.100s, learning 0.100s)\n"
        "Mean reward: {0}.00\nTotal timesteps: {1}\nIteration time: 0.20s\nTotal time: {2}s\nETA: 1.0s\n"
    )
    curve = LearningCurve()
    for record in reads(block.format(0, 20, 0.2) + block.format(8, 180, 61.8)):
        curve.add(record)
    assert curve.last is not None
    assert 61.8 <= curve.last.seconds <= 62.8


def test_a_reward_that_is_nan_reaches_nothing() -> None:
    """NaN is drawn as a gap and is neither the best reward nor a threshold."""
    lines = "fps step: 9 fps step and policy inference: 8 fps total: 4 epoch: {0}/3 frames: {1}\n"
    best = "saving next best rewards:  [{0}]\n"
    curve = LearningCurve(until=2)
    text = (
        lines.format(1, 0) + best.format(1.0) + lines.format(2, 8) + best.format("nan") + lines.format(3, 16)
    )
    for record in reads(text):
        curve.add(record)
    assert curve.reached is None
    assert curve.best is not None
    assert 1.0 == curve.best.reward
