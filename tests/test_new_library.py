"""What a library that nobody has described yet takes: two files, and its name in one list."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

SOURCE = Path(__file__).parents[1] / "src" / "stepscope"

READS = '''
"""How Toy prints: one line an update."""

import re

from stepscope.logs._blocks import Single
from stepscope.logs._library import Library, Scalar
from stepscope.logs._records import Fps
from stepscope.logs._values import parse_number

_UPDATE = re.compile(rb"toy: update (\\d{1,9}) of (\\d{1,9}), (\\d{1,9}) steps, (\\S{1,40}) steps/s, return (\\S{1,40})")


def _open_block(line, context):
    match = _UPDATE.fullmatch(line.text)
    if match is None:
        return None
    update, updates, steps, rate, reward = map(parse_number, match.groups())
    return Single(
        "iteration", "toy", iteration=update, iterations=updates, env_steps=steps,
        fps=Fps(total=rate), reward=reward, metrics={"steps/s": rate, "return": reward},
    )


def _scalars(record, env_steps):
    yield Scalar("toy/return", record.env_steps, record.reward)


TOY = Library(
    key="toy", name="Toy", open_block=_open_block, distribution="toy", colour="#123456", scalars=_scalars
)
'''
TRAINS = '''
"""Toy's training: no learning, but real steps."""

import time

import torch


def train(env, *, iterations, horizon=32, seed=0, log_dir=None):
    env.reset(seed=seed)
    for update in range(1, iterations + 1):
        began, total = time.perf_counter(), 0.0
        for _ in range(horizon):
            _, rewards, *_ = env.step(torch.zeros(env.num_envs, 1))
            total += float(rewards.sum())
        rate = env.num_envs * horizon / (time.perf_counter() - began)
        steps = update * env.num_envs * horizon
        print(f"toy: update {update} of {iterations}, {steps} steps, {rate:.1f} steps/s, return {total:.3f}")
'''


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the package that has the new library in it."""
    folder = tmp_path_factory.mktemp("branch")
    package = folder / "stepscope"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "logs" / "libraries" / "toy.py").write_text(READS, encoding="utf-8")
    (package / "train" / "toy.py").write_text(TRAINS, encoding="utf-8")
    names = package / "logs" / "libraries" / "__init__.py"
    text, count = re.subn(r"\bSKRL, WARP\)", "SKRL, WARP, TOY)", names.read_text(encoding="utf-8"))
    assert count == 1
    names.write_text(text.replace("if TYPE", "from stepscope.logs.libraries.toy import TOY\n\nif TYPE", 1))
    stepscope(folder, "-m", "stepscope.train", "toy", "--num-envs", "8", "--iterations", "5", log="toy.log")
    stepscope(
        folder, "-m", "stepscope.train", "rsl_rl", "--num-envs", "8", "--iterations", "2", log="rsl_rl.log"
    )
    return folder


def stepscope(branch: Path, *arguments: str, log: str | None = None) -> str:
    """Run Python with the branch's package and return what it prints, or write that to a file."""
    environment = {**os.environ, "PYTHONPATH": str(branch), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=branch, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if log is not None:
        (branch / log).write_text(done.stdout, encoding="utf-8")
    return done.stdout


def test_its_log_is_read(branch: Path) -> None:
    """Each update is an iteration, and the summary names the library and its typical rate."""
    lines = stepscope(branch, "-m", "stepscope", "read", "--json", "toy.log").splitlines()
    records = [json.loads(line) for line in lines]
    assert [("toy", "iteration", update, 5) for update in range(1, 6)] == [
        (record["library"], record["kind"], record["iteration"], record["iterations"]) for record in records
    ]
    summary = stepscope(branch, "-m", "stepscope", "read", "toy.log")
    assert re.search(r"library +Toy\n", summary), summary
    assert re.search(r"iterations +5 of 5, finished", summary), summary


def test_its_log_is_compared_with_another(branch: Path) -> None:
    """Both libraries print the rate of rollout and update."""
    comparison = stepscope(branch, "-m", "stepscope", "compare", "toy.log", "rsl_rl.log")
    assert "Toy" in comparison
    assert "RSL-RL" in comparison


def test_its_training_is_watched(branch: Path) -> None:
    """While it trains."""
    train = [sys.executable, "-m", "stepscope.train", "toy", "--num-envs", "8", "--iterations", "5"]
    shown = stepscope(branch, "-m", "stepscope", "watch", "--", *train)
    assert "Toy" in shown
    assert "finished: iteration 5 of 5, 1,280 env steps" in shown


def test_its_log_is_exported(branch: Path) -> None:
    """As rows, as a figure, and under its own tags."""
    rows = stepscope(branch, "-m", "stepscope", "read", "--csv", "toy.log").splitlines()
    assert len(rows) == 1 + 5
    stepscope(branch, "-m", "stepscope", "read", "--plot", "toy.svg", "toy.log")
    assert "#123456" in (branch / "toy.svg").read_text(encoding="utf-8")
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415 - optional
        EventAccumulator,
    )

    stepscope(branch, "-m", "stepscope", "read", "--tensorboard", "events", "toy.log")
    [folder] = {path.parent for path in (branch / "events").rglob("*tfevents*")}
    assert [256, 512, 768, 1024, 1280] == [
        event.step for event in EventAccumulator(str(folder)).Reload().Scalars("toy/return")
    ]
