"""Rules about numbers: each finds a real run that was broken on purpose, and none accuses a healthy one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope.explain import catalogue
from stepscope.explain._rules import RULES, NumberRules, Sign
from stepscope.logs import read, reads
from stepscope.train import LIBRARIES, run
from tests.explain.broken import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stepscope.logs import Record

ROOT = Path(__file__).parents[2]


def signs_of(records: Iterable[Record]) -> list[Sign]:
    """Return the signs of all runs in a log."""
    rules: defaultdict[int, NumberRules] = defaultdict(NumberRules)
    for record in records:
        rules[record.run].add(record)
    return [sign for number in sorted(rules) for sign in rules[number].signs()]


def accusations(signs: Iterable[Sign]) -> list[Sign]:
    """Return those signs that say that something is wrong."""
    return [sign for sign in signs if catalogue()[sign.slug].accuses]


def block(iteration: int, *, loss: float = 1.0, reward: float = 10.0, std: float = 1.0) -> str:
    """Return an iteration as RSL-RL 5 prints it."""
    return f"""
################################################################################
                       Learning iteration {iteration}/1000

                            Total steps: {(iteration + 1) * 512}
                       Steps per second: 25749
                        Collection time: 0.021s
                          Learning time: 0.019s
                        Mean value loss: {loss:.4f}
                    Mean surrogate loss: -0.0003
                            Mean reward: {reward:.2f}
                    Mean episode length: 99.76
                        Mean action std: {std:.2f}
--------------------------------------------------------------------------------
                         Iteration time: 0.04s
                           Time elapsed: 0:00:00
                                    ETA: 0:00:00
"""


def test_the_catalogue_explains_each_rule() -> None:
    """Its entry has the threshold, and no entry names a rule that does not exist."""
    named = {symptom.rule.name: slug for slug, symptom in catalogue().items() if symptom.rule is not None}
    assert named == {rule: rule.replace("_", "-") for rule in RULES}
    assert set(RULES) == RUNS.keys()


def test_no_recording_is_accused_that_did_not_diverge(recordings: Path) -> None:
    """Whatever the libraries print in a healthy run, in any release, accuses nothing."""
    logs = sorted(recordings.rglob("*.txt"))
    assert len(logs) > 200
    accused = {log for log in logs if accusations(signs_of(read(log)))}
    assert {log for log in accused if "diverged" not in log.stem} == set()


@pytest.mark.live
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_run_that_learns_is_not_accused(library: str, tmp_path: Path) -> None:
    """A hundred iterations of each library accuse nothing, though the numbers change a lot."""
    log = tmp_path / "train.log"
    run(library, log=log, cwd=tmp_path, num_envs=16, iterations=100, horizon=16, device="cpu", seed=3)
    assert accusations(signs_of(read(log))) == []


@pytest.mark.live
@pytest.mark.parametrize("rule", RUNS)
def test_a_broken_run_is_recognised(rule: str, tmp_path: Path) -> None:
    """The rule holds for a real run in which just that went wrong."""
    command = [sys.executable, str(Path(__file__).with_name("broken.py")), rule]
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
    # The library may fail over it, which is part of the log.
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    signs = {sign.slug: sign for sign in signs_of(reads(done.stdout))}
    assert rule.replace("_", "-") in signs, done.stdout[-2000:].decode()
    sign = signs[rule.replace("_", "-")]
    [record] = [record for record in reads(done.stdout) if record.span[0] == sign.byte]
    assert record.iteration == sign.iteration
    assert sign.label in record.metrics or sign.label in record.derived
    assert sign.count > 0


def test_a_sign_says_what_changed_where() -> None:
    """The values before and after are those that were printed, and the byte is that of the iteration."""
    text = "".join(block(i, loss=1063370686464.0 if i >= 40 else 0.1033) for i in range(42))
    [sign] = signs_of(reads(text))
    assert sign == Sign(
        slug="exploding-loss",
        iteration=40,
        label="Mean value loss",
        before=0.1033,
        after=1063370686464.0,
        byte=text.index("#" * 80, text.index("Learning iteration 39")),
        count=2,
    )


def test_a_large_loss_alone_did_not_explode() -> None:
    """Rewards that are not normalised give large losses from the start, and a sparse reward raises a tiny one."""
    assert signs_of(reads("".join(block(i, loss=3e8 + i) for i in range(30)))) == []
    assert signs_of(reads("".join(block(i, loss=1e-4 if i < 20 else 4e4) for i in range(30)))) == []


def test_a_reward_that_comes_back_has_not_collapsed() -> None:
    """Only what stays down until the log ends is a collapse."""

    def course(*levels: float) -> list[str]:
        rewards = [level + i % 3 for level in levels for i in range(10)]
        return [
            sign.slug for sign in signs_of(reads("".join(block(i, reward=r) for i, r in enumerate(rewards))))
        ]

    assert course(0, 50, 100, 100, 0, 0) == []
    assert course(0, 50, 100, 100, 0, 0, 0) == ["reward-collapsed"]
    assert course(0, 50, 100, 100, 0, 0, 0, 40) == []
    assert course(0, 50, 100, 100, 50, 50, 50) == []


def test_a_resumed_run_may_explore_again() -> None:
    """A standard deviation that begins at nothing is no reference."""
    assert signs_of(reads("".join(block(i, std=0.0 if i < 5 else 0.8) for i in range(30)))) == []
    [sign] = signs_of(reads("".join(block(i, std=1.0 if i < 5 else 10.5) for i in range(30))))
    assert (sign.slug, sign.iteration, sign.before, sign.after) == ("action-std-runaway", 5, 1.0, 10.5)


def test_numbers_of_an_environment_accuse_nothing() -> None:
    """An environment may print whatever it likes under labels of its own."""
    lines = "Episode_Reward/my_loss: nan\n" + "Metrics/std: inf\n" + "Mean episode loss/x: nan\n"
    text = "".join(
        block(i).replace("                            Mean reward", lines + "Mean reward") for i in range(20)
    )
    records = [record for record in reads(text) if record.kind == "iteration"]
    assert "Metrics/std" in records[0].metrics
    assert signs_of(records) == []


def test_an_rl_games_run_without_episodes_is_not_accused() -> None:
    """RL-Games names its last checkpoint after a reward of minus infinity if no episode has ended."""
    line = "=> saving checkpoint 'runs/a/nn/last_a_ep_3_rew_{}.pth'\n"
    rates = "fps step: 1 fps step and policy inference: 1 fps total: 1 epoch: 3/9 frames: 0\n"
    assert accusations(signs_of(reads(rates + line.format("-inf")))) == []
    [sign] = accusations(signs_of(reads(rates + line.format("_nan_"))))
    assert sign.slug == "nan-reward"


def test_each_run_of_a_log_counts_for_itself() -> None:
    """A fresh run begins with a large std again, which is not compared with that of the run before."""
    first = "".join(block(i, std=0.9) for i in range(12))
    second = "".join(block(i, std=20.0) for i in range(12))
    assert signs_of(reads(first + second)) == []


def test_ranks_that_print_the_same_count_once() -> None:
    """Of several processes only the lowest rank counts."""
    ranked = [
        f"[rank{rank}]: {line}\n" if line else "\n"
        for i in range(12)
        for rank in (1, 0, 2)
        for line in block(i, loss=1.0 if i < 11 else float("nan")).splitlines()
    ]
    [sign] = signs_of(reads("".join(ranked)))
    assert (sign.slug, sign.iteration, sign.count) == ("nan-loss", 11, 1)


def test_memory_stays_bounded_whatever_is_printed() -> None:
    """Neither many iterations nor ever new labels add to what is kept."""
    rules = NumberRules()
    for record in reads(
        "".join(block(i).replace("Mean surrogate loss", f"Mean {i} loss") for i in range(1000))
    ):
        rules.add(record)
    assert len(rules._numbers) <= 512
    assert len(rules.signs()) <= len(RULES)
