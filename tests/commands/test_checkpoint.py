"""Command ``stepscope checkpoint``: what it prints, and its exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Return the names of checkpoints in the format of RSL-RL, of which those after iteration 50 are bad."""
    names = []
    for iteration in (0, 50, 100, 1000):
        weight = torch.ones(4)
        if iteration > 50:
            weight[:2] = float("nan")
            weight[2] = float("inf")
        content = {
            "iter": iteration,
            "actor_state_dict": {f"layer{n}": weight.clone() for n in range(7)},
            "optimizer_state_dict": {"state": {0: {"exp_avg": torch.zeros(3)}}},
        }
        path = tmp_path / f"model_{iteration}.pt"
        torch.save(content, path)
        names.append(str(path))
    return names


def test_good_checkpoints(run: Run, files: list[str]) -> None:
    """The exit status is 0, and there is no last good one to look for."""
    done = run("checkpoint", *files[:2])
    assert (0, b"") == (done.returncode, done.stderr)
    folder, first, second = done.stdout.decode().splitlines()
    assert folder.rstrip("/") in files[0]
    assert ["model_0.pt", "RSL-RL", "iteration", "0", "good:", "8", "tensors"] == first.split()
    assert "model_50.pt" in second


def test_the_first_bad_one_and_the_last_good_one(run: Run, files: list[str]) -> None:
    """In the order of iterations, however they are given; the tensors of the first bad one are listed."""
    done = run("checkpoint", *sorted(files, reverse=True))
    assert (1, b"") == (done.returncode, done.stderr)
    lines = [line.strip() for line in done.stdout.decode().splitlines()]
    assert ["model_0.pt", "model_50.pt", "model_100.pt", "model_1000.pt"] == [
        line.split()[0] for line in lines if line.startswith("model")
    ]
    assert 5 == lines.count("actor_state_dict/layer0: NaN in 2 of 4, infinity in 1 of 4") + sum(
        f"actor_state_dict/layer{n}: NaN in 2 of 4, infinity in 1 of 4" in lines for n in range(1, 7)
    )
    assert "and 2 more tensors" in lines
    assert "last good: model_50.pt" == lines[-1]


def test_every_one_is_bad(run: Run, files: list[str]) -> None:
    """It says so."""
    done = run("checkpoint", *files[2:])
    assert 1 == done.returncode
    assert "last good: none of these" in done.stdout.decode()


def test_json_lists_every_tensor(run: Run, files: list[str]) -> None:
    """One line for each file."""
    done = run("checkpoint", "--json", *files[1:3])
    assert 1 == done.returncode
    good, bad = map(json.loads, done.stdout.decode().splitlines())
    assert (files[1], "rsl_rl", 50, []) == tuple(good[key] for key in ("path", "library", "saved_at", "bad"))
    assert 7 == len(bad["bad"])
    assert {"name": "actor_state_dict/layer0", "numbers": 4, "nan": 2, "infinite": 1} == bad["bad"][0]


def test_a_file_that_cannot_be_tested(run: Run, files: list[str], tmp_path: Path) -> None:
    """A sentence on standard error; the others are tested all the same."""
    odd = tmp_path / "odd.pt"
    odd.write_text("odd", encoding="utf-8")
    done = run("checkpoint", str(odd), files[0])
    assert 2 == done.returncode
    assert b"model_0.pt" in done.stdout
    [sentence] = done.stderr.decode().splitlines()
    assert f"stepscope: {odd} is not a checkpoint that torch.save or Stable-Baselines3 wrote." == sentence
    assert 1 == run("checkpoint", str(odd), files[2]).returncode


def test_a_folder(run: Run, files: list[str], tmp_path: Path) -> None:
    """It stands for the checkpoints in it; other files, and folders in it, are left out."""
    (tmp_path / "events.out").touch()
    (tmp_path / "exported").mkdir()
    (tmp_path / "exported" / "policy.pt").touch()
    assert run("checkpoint", *files).stdout == run("checkpoint", str(tmp_path)).stdout
    empty = run("checkpoint", str(tmp_path / "exported" / ".."), str(tmp_path / "none"))
    assert 1 == empty.returncode
    assert b"none cannot be read (No such file or directory)" in empty.stderr
