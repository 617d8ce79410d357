"""What ``--ranks`` says, against two processes that train over gloo and count for themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepscope.logs import BY_KEY
from stepscope.plan.batches import check_setting, find_batches
from tests.processes import Started

ROOT = Path(__file__).parents[3]
NUM_ENVS, HORIZON, ITERATIONS, MINIBATCHES = 16, 8, 2, 4
EPOCHS = {"rl_games": 5, "rsl_rl": 5, "skrl": 8}


@pytest.mark.live
@pytest.mark.parametrize("library", list(EPOCHS))
def test_each_process_collects_its_own_rollout_and_takes_every_step(library: str, tmp_path: Path) -> None:
    """So the samples of an iteration add up over the processes, and the steps of the optimiser do not."""
    pytest.importorskip("torch")
    started = Started()
    sizes = ("--num-envs", NUM_ENVS, "--horizon", HORIZON, "--iterations", ITERATIONS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *("--module", "tests.plan.batches.counted_rank", str(tmp_path), library, "--device", "cpu"),
            *map(str, (*sizes, "--minibatches", MINIBATCHES, "--log-dir", tmp_path / "runs")),
        ],
        cwd=ROOT,
        env={**os.environ, **started.environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert not started.left()
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]

    batches = find_batches(library, num_envs=NUM_ENVS, horizon=HORIZON, ranks=2, epochs=EPOCHS[library])
    fixes_number = BY_KEY[library].minibatches.fixes == "number"
    setting = check_setting(batches, MINIBATCHES if fixes_number else NUM_ENVS * HORIZON // MINIBATCHES)
    assert [ITERATIONS * setting.updates] * 2 == [rank["optimizer_steps"] for rank in ranks]
    assert ITERATIONS * batches.samples == sum(rank["env_steps"] for rank in ranks)
    together = ITERATIONS * setting.updates / sum(rank["env_steps"] for rank in ranks)
    assert together == setting.updates_per_sample
