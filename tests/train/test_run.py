"""A training in a process of its own, and what it leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

from stepscope._common.optional import install_command
from stepscope.errors import BadInputError
from stepscope.logs import read
from stepscope.train import TrainingFailedError, console_command, run


@pytest.mark.live
class TestRun:
    def test_the_log_is_what_the_library_printed(self, tmp_path: Path) -> None:
        """Every iteration is in the file, and the event files are below the folder it ran in."""
        log = tmp_path / "train.log"
        assert 0 == run("rsl_rl", log=log, cwd=tmp_path, num_envs=8, iterations=3, horizon=8)
        assert [0, 1, 2] == [record.iteration for record in read(log) if record.kind == "iteration"]
        assert list((tmp_path / "runs").glob("events.*"))

    def test_a_failing_training_is_told_with_its_last_words(self, tmp_path: Path) -> None:
        """Who runs a script sees why the training failed, and where the whole log is."""
        log = tmp_path / "train.log"
        with pytest.raises(TrainingFailedError, match="normal expects all elements of std") as failed:
            run("rsl_rl", log=log, cwd=tmp_path, num_envs=8, iterations=3, learning_rate=1e30)
        assert str(log) in str(failed.value)

    def test_the_same_seed_prints_the_same_rewards(self, tmp_path: Path) -> None:
        """Seed 0 is a seed as well, which RL-Games takes for none."""
        rewards = []
        for name in ("one.log", "two.log"):
            run("rl_games", log=tmp_path / name, cwd=tmp_path, num_envs=32, iterations=3, seed=0)
            rewards.append(
                [record.reward for record in read(tmp_path / name) if record.kind == "best_reward"]
            )
        assert rewards[0] == rewards[1] != []


def test_an_unknown_library_is_refused(tmp_path: Path) -> None:
    """No process is started for it."""
    with pytest.raises(BadInputError, match="'tensorforce' is not one of rl_games"):
        run("tensorforce", log=tmp_path / "train.log")


def test_the_command_spells_settings_as_options() -> None:
    """Underscores become dashes, a switch stands alone, and what is not set is left out."""
    assert ["-m", "stepscope.train", "rsl_rl", "--num-envs", "4", "--episode-terms"] == console_command(
        "rsl_rl", {"num_envs": 4, "episode_terms": True, "seed": None}
    )


def test_without_the_extra_one_sentence_says_what_to_install() -> None:
    """A plain installation has no torch, and says how to get it instead of showing a traceback."""
    code = "import sys; sys.modules['torch'] = None; from stepscope.train.__main__ import main; sys.exit(main(['sb3']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 2 == done.returncode
    assert install_command("examples") in done.stderr
    assert 1 == done.stderr.count("\n")
