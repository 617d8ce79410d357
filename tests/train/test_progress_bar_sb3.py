"""What the dictionary of rates says about the progress bar of Stable-Baselines3, which rich draws.

The console's clock runs 40 times as fast as ours, so that the 30 seconds over which rich takes its rate are 0.75.
"""

from __future__ import annotations

import re
import time
import warnings
from typing import TYPE_CHECKING

import pytest
import rich
from stable_baselines3 import PPO
from tqdm.std import TqdmExperimentalWarning

from stepscope.train import sb3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.train.conftest import Watch, Watching

pytestmark = pytest.mark.live

NUM_ENVS, FASTER, WINDOW = 4, 40, 30.0
SLOW, QUICK = 150, 3000


@pytest.fixture(scope="module")
def run(watching: Watching) -> Iterator[Watch]:
    """Slow steps for longer than the window, and quick steps for longer than the window."""
    rich.reconfigure(get_time=lambda: FASTER * time.monotonic())
    with watching(num_envs=NUM_ENVS) as watch:
        watch.around(watch.env, "step", pause=lambda count: 0.01 if count < SLOW else 0.0)
        watch.around(PPO, "train")
        learn = PPO.learn
        watch.patch.setattr(PPO, "learn", lambda *args, **options: learn(*args, **options, progress_bar=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmExperimentalWarning)
            watch.train(sb3, iterations=1, horizon=SLOW + QUICK, minibatches=1)
        yield watch
    rich.reconfigure()


def _bar(run: Watch) -> tuple[int, int, float]:
    done, total, rate = re.findall(r"([\d,]+)/([\d,]+) .*?([\d,]+) it/s", run.text)[-1]
    return int(done.replace(",", "")), int(total.replace(",", "")), FASTER * float(rate.replace(",", ""))


def test_it_counts_environment_steps(run: Watch) -> None:
    """One vector step is as many steps of the bar as there are environments."""
    done, total, _ = _bar(run)
    assert NUM_ENVS * (SLOW + QUICK) == done == total


def test_its_rate_is_of_the_last_30_seconds(run: Watch) -> None:
    """What was slow before is forgotten, and the update counts: it is neither cumulative nor of an iteration."""
    steps, end = run.calls["step"], run.calls["train"][-1].end
    window = WINDOW / FASTER
    assert steps[SLOW - 1].end < end - window

    recent = NUM_ENVS * sum(step.end > end - window for step in steps) / window
    overall = NUM_ENVS * len(steps) / (end - steps[0].start)
    rate = _bar(run)[2]
    assert recent == pytest.approx(rate, rel=0.3)
    # On a machine that is busy at the end the recent rate may be the lower one; it is the bar's all the same.
    assert abs(rate - recent) < abs(rate - overall)
