"""``python -m stepscope.train`` answers a wrong call with one sentence."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stepscope.train.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

# Importing RL-Games compiles a network, and torch's own compiler uses what torch deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.\w+` is deprecated:DeprecationWarning")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "LIBRARY"),
        ("tensorforce", "'tensorforce' (choose from 'rl_games', 'rsl_rl', 'sb3', 'skrl')"),
        ("rsl_rl --nmu-envs 64", "--nmu-envs"),
        ("rsl_rl --num-env 64", "--num-env"),
        ("rsl_rl --num-envs 0", "'0' is not a positive integer"),
        ("rsl_rl --num-envs many", "'many' is not a positive integer"),
        ("rsl_rl --num-envs", "expected one argument"),
        ("rsl_rl --iterations -3", "'-3' is not a positive integer"),
        ("rsl_rl --seed x", "'x'"),
        ("rsl_rl more", "more"),
        ("rl_games --num-envs 3 --horizon 5", "3 environments x 5 steps = 15"),
        ("rsl_rl --num-envs 3 --horizon 5", "3 environments x 5 steps = 15"),
        ("skrl --num-envs 3 --horizon 5", "3 environments x 5 steps = 15"),
        ("sb3 --num-envs 3 --horizon 5", "3 environments x 5 steps = 15"),
        ("rl_games --episode-terms", "rl_games has no option --episode-terms"),
        ("rsl_rl --algorithm sac", "rsl_rl has no option --algorithm"),
        ("skrl --algorithm sac", "skrl has no option --algorithm"),
        ("sb3 --episode-terms", "sb3 has no option --episode-terms"),
        ("sb3 --algorithm td7", "choose one of ppo, sac, dqn"),
        ("sb3 --algorithm sac --minibatches 2", "--minibatches is an option of PPO"),
        ("rl_games --num-envs 3 --horizon 3 --minibatches 1", "sequences of 4"),
        ("skrl --num-envs 4 --horizon 1", "fewer than 2 cannot be normalised"),
        ("rsl_rl --learning-rate nan", "'nan' is not a positive number"),
        ("rsl_rl --learning-rate -1", "'-1' is not a positive number"),
        ("skrl --seed 4294967296", "'4294967296' is not an integer from 0 to 4294967295"),
        ("rsl_rl --log-dir pyproject.toml/runs", "is a file"),
        ("rsl_rl --device gpu", "device 'gpu' is not usable"),
        ("rsl_rl --device meta", "device 'meta' is not usable"),
        ("rsl_rl --device cuda:99", "device 'cuda:99' is not usable here"),
    ],
)
def test_a_wrong_call_gets_one_sentence(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 2, and one line on standard error says what was wrong."""
    status = main(arguments.split())

    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("stepscope.train: ")
    assert words in line


def test_a_wrong_call_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is made for a training that never begins."""
    monkeypatch.chdir(tmp_path)
    assert 2 == main(["skrl", "--num-envs", "3", "--horizon", "5"])
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", ["rsl_rl --num-envs 0", "sb3 --num-envs 3 --horizon 5"])
def test_a_wrong_call_ends_the_process_with_2(arguments: str) -> None:
    """A shell sees the exit status and the sentence, and nothing besides."""
    ended = subprocess.run(
        [sys.executable, "-m", "stepscope.train", *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is printed to standard output, with each option and its default."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "--num-envs" in printed
    assert "(default: 256)" in printed
