"""Training in several processes: each library under torchrun, and the lines that the bridge to gloo is for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from stepscope.logs import reads
from stepscope.train.__main__ import main
from stepscope.train._processes import HARD_CODED, HardCoded
from tests.processes import Started

pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.\w+` is deprecated:DeprecationWarning")

NUM_ENVS, HORIZON, ITERATIONS = 16, 8, 2


@pytest.mark.parametrize(
    "line",
    [line for lines in HARD_CODED.values() for line in lines],
    ids=lambda line: f"{line.distribution}: {line.text[:30]}",
)
def test_the_installed_release_has_the_line_that_the_bridge_is_for(line: HardCoded) -> None:
    """Where a release takes the backend or the device from its user, its part of the bridge can go."""
    try:
        source = metadata.distribution(line.distribution).locate_file(line.file)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{line.distribution} is not installed")

    lines = [text.strip() for text in Path(str(source)).read_text(encoding="utf-8").splitlines()]

    assert line.text in lines


def _run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    names = {"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def _settings(library: str) -> list[str]:
    sizes = {"--num-envs": NUM_ENVS, "--horizon": HORIZON, "--iterations": ITERATIONS}
    return [library, "--device", "cpu", *(str(word) for pair in sizes.items() for word in pair)]


@pytest.mark.live
@pytest.mark.parametrize("library", list(HARD_CODED))
def test_a_library_trains_in_two_processes(library: str, tmp_path: Path) -> None:
    """Both train, both have the same network, and the log counts what its library counts."""
    started = Started()
    ended = _run(
        ["-m", "stepscope.train", *_settings(library), "--nproc", "2"], tmp_path, **started.environment
    )

    assert ended.returncode == 0, ended.stderr
    assert not started.left()
    words = {
        "rl_games": "broadcasting parameters",
        "rsl_rl": "Synchronizing parameters for rank",
        "skrl": "world size: 2",
    }
    assert (ended.stdout + ended.stderr).count(words[library]) == 2
    if library == "rsl_rl":  # it counts the steps of all
        [*_, last] = [record for record in reads(ended.stdout) if record.kind == "iteration"]
        assert last.env_steps == 2 * NUM_ENVS * HORIZON * ITERATIONS


@pytest.mark.live
def test_torchrun_may_start_it(tmp_path: Path) -> None:
    """That is how several hosts do it."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ended = _run([*launcher, "-m", "stepscope.train", *_settings("rsl_rl")], tmp_path, OMP_NUM_THREADS="1")

    assert ended.returncode == 0, ended.stderr
    assert re.findall(r"Synchronizing parameters for rank (\d)", ended.stdout).count("1") == 1


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        ("sb3 --nproc 2", {}, "sb3 trains in one process only"),
        ("sb3", {"WORLD_SIZE": "2", "RANK": "0"}, "sb3 trains in one process only"),
        ("rsl_rl --nproc 0", {}, "'0' is not a positive integer"),
        ("rsl_rl --nproc 2", {"WORLD_SIZE": "2"}, "leave out --nproc"),
        ("rsl_rl --nproc 2 --device cpu --num-envs 3 --horizon 5", {}, "3 environments x 5 steps = 15"),
        ("rl_games --nproc 2 --device cpu --num-envs 3 --horizon 3 --minibatches 1", {}, "sequences of 4"),
        ("rsl_rl --nproc 2 --device cpu --algorithm sac", {}, "rsl_rl has no option --algorithm"),
        ("rsl_rl", {"WORLD_SIZE": "two"}, "must be integers"),
        ("rsl_rl --timeout 0", {}, "'0' is not a positive number of seconds"),
        ("rsl_rl --timeout nan", {}, "'nan' is not a positive number of seconds"),
    ],
)
def test_a_wrong_call_gets_one_sentence(
    arguments: str,
    variables: dict[str, str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exit status is 2, and torchrun does not start."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main(arguments.split()) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("stepscope.train: ")
    assert words in line


def test_other_ranks_leave_the_sentence_to_the_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be there once for each process."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")

    assert main(["sb3"]) == 2

    assert capsys.readouterr().err == ""
