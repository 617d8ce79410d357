"""Statements of the dictionary of rates about the progress bar of Stable-Baselines3, which rich draws.

Both the bar's clock and the console's are virtual.
"""

from __future__ import annotations

import re
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

NUM_ENVS, WINDOW = 4, 30.0
HORIZON, SLOW, QUICK, UPDATE = 250, 0.4, 0.08, 4.0
"""Vector steps of a rollout, and the seconds that a step takes in the first one, in the second one, and an update."""


@pytest.fixture(scope="module")
def run(watching: Watching) -> Iterator[Watch]:
    """A slow rollout that is longer than the window, and a quick one that is shorter, with an update between them."""
    with watching(num_envs=NUM_ENVS, virtual=True) as watch:
        rich.reconfigure(get_time=watch.clock)
        watch.around(watch.env, "step", takes=lambda count: SLOW if count < HORIZON else QUICK)
        watch.around(PPO, "train", takes=UPDATE)
        learn = PPO.learn
        watch.patch.setattr(PPO, "learn", lambda *args, **options: learn(*args, **options, progress_bar=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmExperimentalWarning)
            watch.train(sb3, iterations=2, horizon=HORIZON, minibatches=1)
        yield watch
    rich.reconfigure()


def _bar(run: Watch) -> tuple[int, int, float]:
    done, total, rate = re.findall(r"([\d,]+)/([\d,]+) .*?([\d,]+) it/s", run.text)[-1]
    return int(done.replace(",", "")), int(total.replace(",", "")), float(rate.replace(",", ""))


def test_it_counts_environment_steps(run: Watch) -> None:
    """One vector step is as many steps of the bar as there are environments."""
    done, total, _ = _bar(run)
    assert NUM_ENVS * 2 * HORIZON == done == total


def test_its_rate_is_of_the_last_30_seconds(run: Watch) -> None:
    """What was slow before is forgotten, and the updates count: it is neither cumulative nor of an iteration."""
    end = run.calls["train"][-1].end
    recent = [step.end for step in run.calls["step"] if step.end > end - WINDOW]
    overall = NUM_ENVS * 2 * HORIZON / (end - run.calls["step"][0].start)

    rate = _bar(run)[2]
    assert HORIZON < len(recent) < 1.1 * HORIZON
    # The bar is drawn ten times a second at most: it counts from its first drawing within the window to its last one.
    assert NUM_ENVS * len(recent) / WINDOW == pytest.approx(rate, rel=0.03)
    assert overall != pytest.approx(rate, rel=0.5)
    assert NUM_ENVS / QUICK != pytest.approx(rate, rel=0.15)
