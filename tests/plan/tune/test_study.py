"""The search: what it proposes, what it keeps, and that a kill loses no finished trial."""

from __future__ import annotations

import os
import random
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("optuna")
pytest.importorskip("scipy")

from stepscope.errors import BadInputError
from stepscope.plan.fit import Budget
from stepscope.plan.tune import LocalRunner, Outcome, Study, Task, conclude, parse_search
from stepscope.plan.tune._study import Tried, _Memory
from tests.processes import Started

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")

RECORDING = Path(__file__).parents[3] / "recordings" / "rl_games" / "1.6.5" / "default.txt"
GIB = 2**30


def _task(texts: Sequence[str], script: str = "", **fields: Any) -> Task:  # noqa: ANN401 - those of `Task`
    """Return the task of a shell script, by default one that prints a recording."""
    names = " ".join(f"{{{text.partition('=')[0]}}}" for text in texts)
    command = ("sh", "-c", script or f"cat {shlex.quote(str(RECORDING))}", names, "{seed}")
    settings: dict[str, Any] = {
        "until": None,
        "trial_seconds": 1e5,
        "first_seconds": 1e5,
        "seed": 1,
        "library": None,
        "memory": Budget(host_bytes=GIB, device_bytes=None),
        **fields,
    }
    return Task(command=command, space=parse_search(command, texts), **settings)


def test_every_combination_is_tried_once(tmp_path: Path) -> None:
    """A search ends where no combination is left; the first trial is the smallest."""
    study = Study(tmp_path / "tune.db", _task(["num_envs=64,16,32", "horizon=8,4"]))
    study.search(trials=100)
    values = [tuple(one.values.values()) for one in study.tried]
    assert (16, 4) == values[0]
    assert sorted(values) == [(n, h) for n in (16, 32, 64) for h in (4, 8)]


def test_only_valid_batches_are_tried(tmp_path: Path) -> None:
    """The rules are those of the library that the first trial prints: here RL-Games, with sequences of 4."""
    texts = ["num_envs=16,32", "horizon=8", "minibatch_size=64,96,128"]
    task = _task(texts)
    study = Study(tmp_path / "tune.db", task)
    study.search(trials=100)
    tried = {(one.values["num_envs"], one.values["minibatch_size"]) for one in study.tried}
    assert {(16, 64), (16, 128), (32, 64), (32, 128)} == tried
    assert (2, 0) == (conclude(study, task).refused, conclude(study, task).too_large)


def test_a_search_is_the_same_again(tmp_path: Path) -> None:
    """The seed decides what is proposed."""
    texts = ["num_envs=16..1024:log2", "rate=1e-4..1e-2:log"]
    proposals = []
    for name in ("a.db", "b.db"):
        study = Study(tmp_path / name, _task(texts))
        study.search(trials=7)
        proposals.append([one.values for one in study.tried])
    assert proposals[0] == proposals[1]
    assert len({str(values) for values in proposals[0]}) == 7


def test_a_search_goes_on(tmp_path: Path) -> None:
    """Another process with the same command takes what is there, and more trials may be asked for."""
    for trials in (2, 2, 5):
        study = Study(tmp_path / "tune.db", _task(["num_envs=16..1024:log2"]))
        study.search(trials=trials)
        assert trials == len(study.tried)
        study.close()


class _Clock:
    """Outcomes of trials that take as many seconds as their first placeholder says, without running anything."""

    def __call__(self, command: Sequence[str], **_: object) -> Outcome:
        return Outcome(
            status="ended", seconds=float(command[3]), curve=((0.0, 1.0),), best_reward=1.0, mean_reward=1.0
        )


@pytest.mark.parametrize(
    ("seconds", "trials", "runs"),
    [
        (1e9, 7, 18),
        (251.0, 7, 18),  # 7 x 10 s, and 3 x 6 x 10 s
        (235.0, 7, 12),  # the best two
        (111.0, 5, 6),  # half for the search, and the best two with the seeds for which there is time
    ],
)
def test_half_of_the_time_is_kept_for_the_finals(
    tmp_path: Path, seconds: float, trials: int, runs: int
) -> None:
    """The search may use what the finals do not need."""
    texts = [f"time={','.join(f'{10 + place / 1000}' for place in range(7))}"]
    study = Study(tmp_path / "tune.db", _task(texts), runner=LocalRunner(_Clock()))
    study.search(trials=7, seconds=seconds, final_seeds=6)
    assert trials == len(study.tried)
    study.run_finals(seeds=6, seconds=seconds)
    assert runs == len(study.final_runs)
    assert study.seconds <= seconds
    study.run_finals(seeds=6, seconds=1e9)
    assert 18 == len(study.final_runs)
    assert {10_001 + seed for seed in range(6)} == {run.seed for run in study.final_runs}


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"until": 5.0}, "--until"),
        ({"trial_seconds": 7.0}, "--trial-seconds"),
        ({"seed": 2}, "--seed"),
        ({"script": f"cat {RECORDING} {RECORDING}"}, "command"),
        ({"texts": ["num_envs=16,32,64"]}, "--search"),
    ],
)
def test_the_storage_of_another_study_is_refused(
    tmp_path: Path, fields: dict[str, Any], changed: str
) -> None:
    """It is not touched, and the message says what differs."""
    path = tmp_path / "tune.db"
    study = Study(path, _task(["num_envs=16,32"]))
    study.search(trials=1)
    study.close()
    before = path.read_bytes()
    arguments = {"texts": ["num_envs=16,32"], **fields}
    with pytest.raises(BadInputError, match=f"another {changed};"):
        Study(path, _task(**arguments))
    assert before == path.read_bytes()


def test_a_study_in_which_nothing_trained_is_replaced(tmp_path: Path) -> None:
    """A command that was mistyped leaves nothing that has to be removed."""
    path = tmp_path / "tune.db"
    study = Study(path, _task(["num_envs=16,32"], "exit 3"))
    study.search(trials=2)
    study.close()
    study = Study(path, _task(["num_envs=16,32"]))
    study.search(trials=2)
    assert ["ended"] * 2 == [one.outcome.status for one in study.tried]


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A text, another database, another study of Optuna, a folder that does not exist."""
    task = _task(["num_envs=16,32"])
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table notes (a integer)")
    other.close()
    import optuna  # noqa: PLC0415 - checked above

    optuna.create_study(storage=f"sqlite:///{tmp_path}/optuna.db", study_name="mine")
    for name, reason in (
        ("text", "is not a study"),
        ("other.db", "holds another study"),
        ("optuna.db", "holds another study"),
        ("none/tune.db", "cannot be opened"),
    ):
        with pytest.raises(BadInputError, match=reason):
            Study(tmp_path / name, task)


def test_two_processes_do_not_share_a_study(tmp_path: Path) -> None:
    """The second one is refused while the first one works."""
    task = _task(["num_envs=16,32"])
    study = Study(tmp_path / "tune.db", task)
    with pytest.raises(BadInputError, match="another process"):
        Study(tmp_path / "tune.db", task)
    study.close()
    Study(tmp_path / "tune.db", task).close()


def _tried(num_envs: int, gibibytes: float, status: str = "ended", **fields: Any) -> Tried:  # noqa: ANN401 - those of `Outcome`
    outcome = Outcome(status=status, host_bytes=int(gibibytes * GIB), **fields)  # type: ignore[arg-type]
    return Tried(values={"num_envs": num_envs}, outcome=outcome, score=1.0)


def test_nothing_beyond_the_memory_is_proposed() -> None:
    """After one size all of it is taken for the environments'; after two a line says what fits."""
    budget = Budget(host_bytes=8 * GIB, device_bytes=None)
    assert _Memory([], budget).allows({"num_envs": 10**9})
    assert not _Memory([], budget).is_guess
    one = _Memory([_tried(100, 1.0)], budget)
    assert one.allows({"num_envs": 800})
    assert not one.allows({"num_envs": 801})
    assert one.is_guess
    two = _Memory([_tried(100, 1.0), _tried(200, 1.1)], budget)  # 0.9 GiB + 1 MiB each
    assert two.allows({"num_envs": 6900})
    assert not two.allows({"num_envs": 7100})
    refused = _Memory([_tried(100, 1.0), _tried(200, 1.1), _tried(400, 8.0, "out of memory")], budget)
    assert refused.allows({"num_envs": 399})
    assert not refused.allows({"num_envs": 400})
    assert refused.allows({"horizon": 400})


def test_the_memory_of_a_gpu_counts_where_it_is_used() -> None:
    """--budget is then the GPU's."""
    budget = Budget(host_bytes=64 * GIB, device_bytes=24 * GIB, requested_bytes=2 * GIB)
    memory = _Memory([_tried(n, 1.0, device_bytes=n * 2**20) for n in (256, 512)], budget)
    assert memory.allows({"num_envs": 2000})
    assert not memory.allows({"num_envs": 2048})


def test_a_trial_beyond_the_memory_is_ended_and_not_tried_again(tmp_path: Path) -> None:
    """It is a result like any other: larger ones are left out."""
    code = "import sys, time; held = bytearray(int(sys.argv[1]) * 10**6); time.sleep(0.5)"
    script = f"cat {shlex.quote(str(RECORDING))}; exec {sys.executable} -c '{code}' $0"
    budget = Budget(host_bytes=GIB, device_bytes=None, requested_bytes=300 * 10**6)
    study = Study(tmp_path / "tune.db", _task(["num_envs=1,50,400,500,600"], script, memory=budget))
    study.search(trials=100)
    status = {one.values["num_envs"]: one.outcome.status for one in study.tried}
    assert {"ended"} == {status[1], status[50]}
    refused = [num_envs for num_envs, ended in status.items() if ended == "out of memory"]
    assert len(refused) <= 1
    assert {*status} - {*refused} <= {1, 50}


def test_a_killed_study_loses_no_finished_trial(tmp_path: Path) -> None:
    """Twenty kills at random moments; then it ends as one does that nobody killed, and no process is left.

    The trials are short, so that the kills meet all that happens between two of them.
    """
    trials = 60
    search = ("--search", f"num_envs={','.join(map(str, range(1, trials + 1)))}", "--trials", str(trials))
    trial = ("sh", "-c", f"cat {shlex.quote(str(RECORDING))}; sleep 0.3", "{num_envs}", "{seed}")
    command = [
        *(sys.executable, "-m", "stepscope", "tune", *search, "--seeds", "0", "--json", "tune.json"),
        *("--", *trial),
    ]
    started = Started()
    moments = random.Random(17)  # noqa: S311 - not a secret
    finished = 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **started.environment}
    for _ in range(20):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            more = moments.randint(0, 2)
            while _count_finished(tmp_path / "tune.db") < finished + more and process.poll() is None:
                time.sleep(0.02)
            time.sleep(moments.uniform(0.0, 1.0))  # any moment will do
            process.send_signal(signal.SIGKILL)
        assert [] == started.left()
        count = _count_finished(tmp_path / "tune.db")
        assert count >= finished
        finished = count
    assert finished > 0
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (0, b"") == (done.returncode, done.stderr)
    assert trials == _count_finished(tmp_path / "tune.db")
    assert [] == started.left()


def _count_finished(path: Path) -> int:
    """Count the finished trials as SQLite has them, without Optuna."""
    if not path.exists():
        return 0
    connection = sqlite3.connect(path)
    try:
        query = "select count(*) from trials where state in ('COMPLETE', 'PRUNED')"
        return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # killed before it made the tables
        return 0
    finally:
        connection.close()
