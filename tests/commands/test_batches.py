"""The command ``stepscope batches``: what it prints and writes, and one sentence where a library would refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run

SIZES = ("--num-envs", "4096", "--horizon", "24")
KEYS = ["rl_games", "rsl_rl", "skrl", "sb3"]
NAMES = {
    "rl_games": "minibatch_size",
    "rsl_rl": "num_mini_batches",
    "skrl": "mini_batches",
    "sb3": "batch_size",
}


@pytest.mark.parametrize("library", KEYS)
def test_the_table_has_the_reference_among_its_rows(run: Run, library: str) -> None:
    """Isaac Lab's configurations of the four libraries make 20 updates of 98,304 samples."""
    done = run("batches", library, *SIZES, COLUMNS="80")
    assert (0, b"") == (done.returncode, done.stderr)
    text = done.stdout.decode()
    header, *rows = text.split("\n\n")[0].splitlines()
    assert header.startswith(NAMES[library])
    [row] = [row.split() for row in rows if row.endswith(" 1x")]
    assert {"24,576", "4", "20", "0.203"} >= set(row[:4])
    assert max(map(len, text.splitlines())) <= 80
    assert "Isaac Lab's Isaac-Velocity" in text


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("rsl_rl", "--setting", "5"), ("dropped", "it drops 4 of 98,304 samples", "4 or 6")),
        (("skrl", "--setting", "5"), ("the minibatches differ: 4 of 19,661 samples and 1 of 19,660",)),
        (("sb3", "--setting", "25000"), ("3 of 25,000 samples and 1 of 23,304", "24,576 or 32,768")),
        (("skrl", "--ranks", "2"), ("196,608 in all", "0.5x")),
        (("rl_games", "--recurrent"), ("multiples of seq_length",)),
        (("rsl_rl", "--recurrent"), ("whole environments",)),
        (("skrl", "--recurrent", "--sequence-length", "8"), ("whole sequences",)),
        (
            ("skrl", "--recurrent", "--sequence-length", "16"),
            ("rollouts 24 is not a multiple of sequence_length 16",),
        ),
        (("rsl_rl", "--epochs", "10"), ("num_learning_epochs 10",)),
    ],
)
def test_the_report_says_what_a_setting_does(
    run: Run, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """A remainder, the processes, and the rule of a recurrent policy."""
    done = run("batches", arguments[0], *SIZES, *arguments[1:], COLUMNS="200")
    assert (0, b"") == (done.returncode, done.stderr)
    assert [] == [part for part in parts if part not in done.stdout.decode()]


def test_programs_get_every_setting(tmp_path: Path, run: Run) -> None:
    """Those with many minibatches too, whose updates add up, and the names of the library."""
    path = tmp_path / "batches.json"
    assert 0 == run("batches", "rl_games", *SIZES, "--ranks", "2", "--json", str(path)).returncode
    data = json.loads(path.read_text(encoding="utf-8"))
    assert (2 * 98304, "minibatch_size", 4) == (
        data["samples"],
        data["names"]["setting"],
        data["sequence_length"],
    )
    assert [value for value in range(98304, 0, -1) if 98304 % value == 0] == [
        setting["value"] for setting in data["settings"]
    ]
    for setting in data["settings"]:
        [group] = setting["minibatches"]
        assert 98304 == group["number"] * group["samples"]
        assert setting["updates_per_sample"] == 5 * group["number"] / (2 * 98304)
    one = json.loads(run("batches", "rsl_rl", *SIZES, "--setting", "5", "--json", "-").stdout)
    assert [(5, 4)] == [(setting["value"], setting["dropped"]) for setting in one["settings"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "LIBRARY"),
        (("brax", *SIZES), "brax"),
        (("skrl", "--num-envs", "64"), "--horizon"),
        (("skrl", *SIZES, "--setting", "0"), "not a positive integer"),
        (
            ("rl_games", *SIZES, "--setting", "32000"),
            "RL-Games raises ValueError: 'batch_size' (98304) must be divisible by 'minibatch_size' (32000).",
        ),
        (("rl_games", *SIZES, "--setting", "32000"), "24,576 or 32,768"),
        (("rl_games", "--num-envs", "3", "--horizon", "5"), "--num-envs 4 or --horizon 4"),
        (("rl_games", "--num-envs", "64", "--horizon", "6", "--recurrent"), "IndexError"),
        (("rsl_rl", *SIZES, "--setting", "98305"), "learns nothing"),
        (("skrl", *SIZES, "--setting", "98305"), "empty minibatches"),
        (("skrl", *SIZES, "--recurrent"), "add --sequence-length"),
        (("skrl", *SIZES, "--sequence-length", "8"), "add --recurrent"),
        (("rsl_rl", *SIZES, "--sequence-length", "8"), "leave out --sequence-length"),
        (("sb3", *SIZES, "--recurrent"), "leave out --recurrent"),
        (("sb3", *SIZES, "--ranks", "2"), "leave out --ranks"),
        (("sb3", *SIZES, "--setting", "1"), "`batch_size` must be greater than 1"),
        (("sb3", *SIZES, "--json", "no/such/folder.json"), "is not in an existing directory"),
    ],
)
def test_nonsense_gets_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("batches", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line


def test_the_largest_numbers_are_answered(run: Run) -> None:
    """As many environments and steps as options take, and a prime number of them."""
    for sizes in (("1000000000", "1000000000"), ("999999937", "999999937")):
        done = run("batches", "rsl_rl", "--num-envs", sizes[0], "--horizon", sizes[1])
        assert (0, b"") == (done.returncode, done.stderr)
