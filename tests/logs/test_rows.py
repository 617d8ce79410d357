"""Records as the rows of a data frame."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from stepscope._common.optional import install_command
from stepscope.logs import read, reads

RECORDINGS = Path(__file__).parents[2] / "recordings"
_EPOCH = "fps step: 9 fps step and policy inference: 8 fps total: 7 epoch: {}/40 frames: 0\n"


def test_each_iteration_is_a_row() -> None:
    """The rates are those that an expression of our own finds in the text."""
    path = RECORDINGS / "rl_games" / "1.6.5" / "default.txt"
    printed = [int(rate) for rate in re.findall(r"fps total: (\d+)", path.read_text(encoding="utf-8"))]
    frame = read(path).to_pandas()
    assert printed == frame["fps.total"].tolist()
    assert [*range(1, 13)] == frame["iteration"].tolist()


def test_printed_labels_are_columns() -> None:
    """What Stable-Baselines3 prints from the second table on is missing in the first row, and not zero."""
    frame = read(RECORDINGS / "sb3" / "2.9.2" / "default.txt").to_pandas()
    assert [True, False] == frame["train/std"].isna().tolist()[:2]
    assert frame["time/fps"].equals(frame["fps.cumulative"].rename("time/fps"))


def test_counts_stay_whole_where_some_are_missing() -> None:
    """A count that was not printed does not turn the others into fractions."""
    bar = "[skrl:INFO] Seed: 1\n 40%|####      | 64/160 [00:00<00:00, 570.95it/s]\n"
    frame = reads(_EPOCH.format(1) + bar).to_pandas()
    assert ["0", "<NA>"] == [str(value) for value in frame["env_steps"]]
    assert ["iteration", "progress"] == frame["kind"].tolist()


def test_a_count_that_no_integer_of_pandas_holds_is_no_error() -> None:
    """A bar may be damaged, and a billion of environments may be claimed."""
    bar = f" 40%|####      | {9 * 10**17}/{9 * 10**17} [00:00<00:00, 570.95it/s]\n"
    frame = reads(bar, num_envs=10**9).to_pandas()
    assert [9e26] == frame["env_steps"].tolist()


def test_a_label_that_is_called_like_a_field_keeps_its_place() -> None:
    """An environment's own ``reward`` stands beside the reward of the record."""
    block = (
        "################################################################################\n"
        "                            Learning iteration 0/5                             \n\n"
        "                             Mean reward: 15.76\n"
        "                                  reward: 3.50\n"
        "                                     ETA: 0:00:01\n"
    )
    frame = reads(block).to_pandas()
    assert [(15.76, 3.5)] == list(zip(frame["reward"], frame["metrics.reward"], strict=True))


def test_only_what_was_not_taken_is_in_the_frame() -> None:
    """A data frame is made of the records that are still to come."""
    records = reads("".join(_EPOCH.format(epoch) for epoch in (1, 2, 3)))
    next(records)
    assert [2, 3] == records.to_pandas()["iteration"].tolist()


def test_a_log_without_iterations_makes_an_empty_frame() -> None:
    """Its columns are there all the same, so that code written for other logs works."""
    frame = reads("Using cpu device\n").to_pandas()
    assert (0, True) == (len(frame), {"run", "fps.total", "reward"} <= set(frame.columns))
    assert isinstance(frame, pd.DataFrame)


def test_a_missing_pandas_is_one_sentence() -> None:
    """Whoever lacks pandas learns what to install."""
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from stepscope.logs import reads\n"
        "try:\n    reads('').to_pandas()\nexcept ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    sentence = (
        f"a data frame needs pandas, which is not installed; install it with {install_command('pandas')}.\n"
    )
    assert sentence == run.stdout


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*/*/*.txt")), ids=lambda path: path.stem)
def test_every_recording_makes_a_frame(path: Path) -> None:
    """There are as many rows as iterations and progress updates."""
    rows = sum(record.kind in ("iteration", "progress") for record in read(path))
    assert rows == len(read(path).to_pandas())
