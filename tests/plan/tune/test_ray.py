"""A study on a Ray cluster of two nodes, one of which is killed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("optuna")
pytest.importorskip("scipy")
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that trains on one CPU; nodes are added to it."""
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    yield cluster
    cluster.shutdown()


def _command(address: str) -> list[str]:
    # Ray names the process that stands for a node to its workers.
    train = (
        "echo $RAY_RAYLET_PID $1 >> nodes; "
        f"exec {shlex.quote(sys.executable)} -m stepscope.train rsl_rl"
        " --num-envs $1 --horizon 8 --minibatches 1 --iterations 30 --seed $2"
    )
    return [
        *(
            sys.executable,
            "-m",
            "stepscope",
            "tune",
            "--ray",
            address,
            "--search",
            "num_envs=8,16,24,32,40,48",
        ),
        *("--seeds", "0", "--json", "tune.json", "--", "sh", "-c", train, "sh", "{num_envs}", "{seed}"),
    ]


def _nodes(folder: Path) -> list[str]:
    path = folder / "nodes"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.live
@pytest.mark.slow
def test_a_study_outlives_a_node(tmp_path: Path, cluster: Any) -> None:  # noqa: ANN401 - Ray's
    """Trials run on both nodes; after one is killed, every combination is still tried once, and the study ends."""
    pytest.importorskip("rsl_rl")
    node = cluster.add_node(num_cpus=1)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        _command(cluster.address),
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while len(_nodes(tmp_path)) < 4 and process.poll() is None:
            time.sleep(0.2)
        assert 2 == len(set(_nodes(tmp_path)))
        cluster.remove_node(node, allow_graceful=False)
        output, errors = process.communicate()
    assert (0, b"") == (process.returncode, errors), output
    trials = json.loads((tmp_path / "tune.json").read_text(encoding="utf-8"))["trials"]
    assert [8, 16, 24, 32, 40, 48] == sorted(trial["values"]["num_envs"] for trial in trials)
    assert {"ended"} == {trial["status"] for trial in trials}


def test_there_has_to_be_a_cluster(tmp_path: Path) -> None:
    """One sentence says so."""
    done = subprocess.run(_command("127.0.0.1:9"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("stepscope: there is no Ray cluster at 127.0.0.1:9 (")
    assert 1 == done.stderr.count("\n")
