"""The command ``stepscope tune``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepscope._common.optional import install_command
from tests.processes import Started

if TYPE_CHECKING:
    from tests.commands.conftest import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")

RECORDING = Path(__file__).parents[2] / "recordings" / "rl_games" / "1.6.5" / "default.txt"
SKRL = Path(__file__).parents[2] / "recordings" / "skrl" / "2.1.1" / "default.txt"
SHOW = ("sh", "-c", f"cat {shlex.quote(str(RECORDING))}", "{num_envs}", "{seed}")
TRAIN = (
    *(sys.executable, "-m", "stepscope.train", "rsl_rl", "--num-envs", "{num_envs}", "--horizon", "16"),
    *("--iterations", "1000000", "--seed", "{seed}"),
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    pytest.importorskip("optuna")
    pytest.importorskip("scipy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.mark.live
@pytest.mark.slow
def test_a_real_training_is_tuned(here: Path, run: Run) -> None:
    """Trials, finals, a decision, the command to use; JSON and a figure."""
    pytest.importorskip("rsl_rl")
    done = run(
        *("tune", "--search", "num_envs=64,256", "--until", "reward=40", "--trial-seconds", "600"),
        *("--seeds", "2", "--json", "tune.json", "--plot", "tune.svg", "--", *TRAIN),
    )
    assert (0, b"") == (done.returncode, done.stderr)
    text = " ".join(done.stdout.decode().split())
    assert text.startswith("num_envs s to 40 best reward memory trained")
    assert "2 trials of 2 combinations" in text
    assert "with the same 2 fresh seeds" in text
    assert "recommendation none: 64 and 256 are not distinguishable" in text.replace(
        "256 and 64", "64 and 256"
    )
    data = json.loads((here / "tune.json").read_text(encoding="utf-8"))
    assert (1, "rsl_rl", 40.0, None) == (data["schema"], data["library"], data["until"], data["recommended"])
    assert ["reached"] * 2 == [trial["status"] for trial in data["trials"]]
    assert [2, 2] == [len(final["runs"]) for final in data["finals"]]
    for final in data["finals"]:
        costs = [min(point[0] for point in one["curve"] if point[1] >= 40) for one in final["runs"]]
        assert pytest.approx(sum(costs) / 2) == final["cost"]["mean"]
    assert data["use"] in text
    assert "are not distinguishable" in (here / "tune.svg").read_text(encoding="utf-8")


@pytest.mark.live
def test_the_environments_of_a_factory_are_tuned(here: Path, run: Run) -> None:
    """stepscope.train trains on them, and its logs go beside the storage."""
    pytest.importorskip("rsl_rl")
    (here / "mine.py").write_text("from stepscope.envs import CartPole as World\n", encoding="utf-8")
    done = run(
        *("tune", "mine:World", "--library", "rsl_rl", "--search", "num_envs=64", "--trial-seconds", "0.5"),
        *("--seeds", "0", "--json", "-"),
    )
    assert (0, b"") == (done.returncode, done.stderr)
    data = json.loads(done.stdout)
    [trial] = data["trials"]
    assert ("time over", "rsl_rl", {"num_envs": 64}) == (trial["status"], trial["library"], trial["values"])
    assert (here / "tune.runs").is_dir()


def test_all_alike_recommends_none(run: Run) -> None:
    """A placeholder without any effect; the figures are those of the recording in every run."""
    done = run("tune", "--search", "num_envs=16,32,64", "--seeds", "5", "--json", "tune.json", "--", *SHOW)
    assert (0, b"") == (done.returncode, done.stderr)
    text = " ".join(done.stdout.decode().split())
    assert "recommendation none: " in text
    assert "are not distinguishable; they need the same memory, so take any of them" in text
    again = run("tune", "--search", "num_envs=16,32,64", "--seeds", "5", "--json", "again.json", "--", *SHOW)
    assert done.stdout == again.stdout  # nothing ran again
    assert (
        json.loads(Path("tune.json").read_text())["trials"]
        == json.loads(Path("again.json").read_text())["trials"]
    )


def test_a_command_without_a_seed_is_warned_about(run: Run) -> None:
    """The intervals of runs that share a seed say little."""
    done = run("tune", "--search", "num_envs=16,32", "--seeds", "5", "--", *SHOW[:-1])
    assert "the command has no {seed}" in " ".join(done.stdout.decode().split())


def test_a_threshold_that_nobody_reaches_ends_the_search(here: Path, run: Run) -> None:
    """The trials are shown all the same, and nothing is run again."""
    done = run(
        "tune", "--search", "num_envs=16,32", "--until", "reward=1e6", "--json", "tune.json", "--", *SHOW
    )
    assert 2 == done.returncode
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: no trial reached a reward of 1,000,000 within 300 s; the best was ")
    assert "2 trials of 2 combinations" in done.stdout.decode()
    assert [] == json.loads((here / "tune.json").read_text(encoding="utf-8"))["finals"]


SPACE = ("--search", "num_envs=16,32")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((*SPACE,), "TARGET is missing"),
        ((*SPACE, "--", "true"), "has no placeholder to search"),
        ((*SPACE, "--", "true", "{num_envs}", "{lr}"), "--search has no values for {lr}"),
        ((*SPACE, "lr=1,2", "--", "true", "{num_envs}"), "the command has no {lr}"),
        (("--search", "num_envs", "--", "true", "{num_envs}"), "'num_envs' is not NAME=VALUES"),
        ((*SPACE, "--", "true", "{num_envs}"), "printed no iteration that stepscope reads"),
        (
            (*SPACE, "--limit", "0.2", "--", "sleep", "1000{num_envs}"),
            "printed no iteration that stepscope reads",
        ),
        ((*SPACE, "seed=1,2", "--", *SHOW), "{seed} is filled by stepscope tune"),
        ((*SPACE, "--", "no-such-program", "{num_envs}"), "no-such-program cannot be started"),
        ((*SPACE, "num=1,2", "--", "sh", "-c", "exit 7", "{num_envs}{num}"), "ended with exit status 7"),
        ((*SPACE, "--", "sh", "-c", f"cat {SKRL}", "{num_envs}"), "skrl does not print it"),
        ((*SPACE, "--library", "nothing", "--", *SHOW), "'nothing' is not one of rl_games"),
        ((*SPACE, "--until", "loss=3", "--", *SHOW), "is not reward=R"),
        ((*SPACE, "--until", "nan", "--", *SHOW), "is not reward=R"),
        ((*SPACE, "--trials", "0", "--", *SHOW), "not a positive integer"),
        ((*SPACE, "--storage", "no/such.db", "--", *SHOW), "is not in an existing directory"),
        ((*SPACE, "--plot", "tune.txt", "--", *SHOW), "is not a supported figure"),
        (("mine:World", *SPACE), "a factory needs --library"),
        (("mine:World", "--library", "rsl_rl", *SPACE, "--", *SHOW), "two TARGETs"),
        (("mine", "--library", "rsl_rl", *SPACE), "'mine' is not a valid TARGET"),
        (("mine:World", "--library", "rsl_rl", "--search", "n=1,2,3"), "unrecognized arguments: --n"),
        (
            (
                *("--library", "rl_games", "--search", "num_envs=100,200", "horizon=5", "minibatch_size=64"),
                *("--", *SHOW, "{horizon}", "{minibatch_size}"),
            ),
            "no combination of --search can be cut into minibatches: with num_envs 100",
        ),
    ],
)
def test_nonsense_gets_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("tune", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line


def test_the_storage_of_another_study_is_refused(run: Run) -> None:
    """The message names what differs."""
    assert 0 == run("tune", *SPACE, "--seeds", "0", "--", *SHOW).returncode
    done = run("tune", *SPACE, "--seeds", "0", "--until", "3", "--", *SHOW)
    assert (2, b"") == (done.returncode, done.stdout)
    assert "tune.db holds a study with another --until" in done.stderr.decode()


@pytest.mark.parametrize("package", ["optuna", "scipy"])
def test_a_missing_package_is_named(here: Path, run: Run, package: str) -> None:
    """The message says what to install."""
    hidden = f"import sys; sys.modules['{package}'] = None; from stepscope.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hidden, "tune", *SPACE, "--", *SHOW]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (2, b"") == (done.returncode, done.stdout)
    assert f"stepscope tune needs {package}" in done.stderr.decode()
    assert install_command("tune") in done.stderr.decode()
    assert not (here / "tune.db").exists()
    assert run is not None


def test_ctrl_c_shows_what_is_known(here: Path) -> None:
    """The finished trials stay, nothing is left running, and the same command goes on."""
    script = f"cat {shlex.quote(str(RECORDING))}; test $0 = 16 || exec sleep 1000"
    started = Started()
    command = [sys.executable, "-m", "stepscope", "tune", *SPACE, "--", "sh", "-c", script, "{num_envs}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_with(started), text=True
    ) as process:
        while not _sleeping(started):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert 130 == process.returncode
    assert "stepscope: interrupted; the same command goes on.\n" == errors
    assert "1 trial of 2 combinations" in output
    assert [] == started.left()
    assert (here / "tune.db").exists()


def _with(started: Started) -> dict[str, str]:
    return {**os.environ, **started.environment}


def _sleeping(started: Started) -> bool:
    """Return whether the second trial has come to its sleep."""
    names = []
    for pid in started.pids():
        try:
            names.append(Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip())
        except OSError:
            continue
    return "sleep" in names
