"""The command ``stepscope memory``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run

SIZES = ("--num-envs", "64", "--observation", "48", "--actions", "12")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("library", ["rl_games", "rsl_rl", "skrl", "sb3"])
def test_each_part_has_a_row_with_its_bytes_and_a_line_with_its_source(run: Run, library: str) -> None:
    """The table names the parts, and the lines below it say what is in each and which line allocates it."""
    done = run("memory", library, *SIZES, COLUMNS="120")
    assert (0, b"") == (done.returncode, done.stderr)
    table, sources, _ = done.stdout.decode().split("\n\n")
    header, *rows = table.splitlines()
    assert ["part", "held", "by", "memory", "share", "count", "x", "bytes"] == header.split()
    names = [row.split("  ")[0] for row in rows]
    assert names == [line[:18].strip() for line in sources.splitlines()]
    assert {"weights", "Adam", "rollout", "activations", "gradients, loss"} <= set(names)
    assert all(".py:" in line or ".yaml:" in line for line in sources.splitlines())


def test_programs_get_bytes(here: Path, run: Run) -> None:
    """The parts add up to the whole, and the settings that were counted with stand beside them."""
    done = run("memory", "sb3", *SIZES, "--json", "memory.json", "--plot", "memory.svg")
    assert (0, b"") == (done.returncode, done.stderr)
    data = json.loads((here / "memory.json").read_text(encoding="utf-8"))
    places = {
        place: [item for item in data["items"] if item["place"] == place] for place in ("torch", "host")
    }
    assert data["torch_bytes"] == sum(item["bytes"] for item in places["torch"])
    assert data["host_bytes"] == sum(item["bytes"] for item in places["host"]) > 0
    assert (64, [48], "float32") == tuple(data["training"][k] for k in ("num_envs", "observation", "dtype"))
    figure = (here / "memory.svg").read_text(encoding="utf-8")
    for words in ("64 environments", "networks", "update", "rollout, in the memory of the host"):
        assert words in figure


def test_images_take_a_byte_or_four_for_each_number(run: Run) -> None:
    """--dtype says which; the rollout of the larger ones is four times as large but for what is no image."""
    rollouts = {}
    for dtype in ("uint8", "float32"):
        sizes = ("--num-envs", "64", "--observation", "3x64x64", "--actions", "1", "--dtype", dtype)
        data = json.loads(run("memory", "rl_games", *sizes, "--json", "-").stdout)
        rollouts[dtype] = next(item["bytes"] for item in data["items"] if item["name"] == "rollout")
    steps = 64 * 24
    assert 3 * 3 * 64 * 64 * steps == rollouts["float32"] - rollouts["uint8"]


def test_a_rollout_that_may_take_more_than_the_update_is_pointed_out(run: Run) -> None:
    """A minibatch that is smaller than a vector step is beyond what was held against real trainings."""
    few = run("memory", "skrl", *SIZES, "--horizon", "8", "--minibatches", "8").stdout
    many = run("memory", "skrl", *SIZES, "--horizon", "8", "--minibatches", "16").stdout
    assert b"caution" not in few
    assert b"more minibatches than vector steps" in many


IMAGES = ("--num-envs", "32", "--horizon", "2048", "--observation", "3x96x96", "--actions", "6")


@pytest.mark.parametrize(("release", "stored", "other"), [("", 1, 4), ("==2.7.1", 1, 4), ("==2.7.0", 4, 1)])
def test_images_are_counted_as_the_named_release_stores_them(
    run: Run, release: str, stored: int, other: int
) -> None:
    """The bytes of the observations are printed for it and for the releases that do it otherwise."""
    done = run("memory", f"sb3{release}", *IMAGES, COLUMNS="200")
    lines = dict(line.split("  ", 1) for line in done.stdout.decode().splitlines() if "  " in line)
    size = 7_247_757_312 // 4
    assert f"{stored * size:,} bytes" in lines["NumPy's share"]
    assert f"{other * size:,} bytes" in lines["other releases"]
    upgrade = "Release 2.7.1 or newer" in done.stdout.decode()
    assert (stored == 4) == upgrade
    data = json.loads(run("memory", f"sb3{release}", *IMAGES, "--json", "-").stdout)
    assert (release[2:] or "2.9.2") == data["training"]["release"]
    [item] = [item for item in data["items"] if item["name"] == "observations"]
    assert (stored * size, "host") == (item["bytes"], item["place"])


def test_the_advice_is_about_the_host_where_it_holds_the_rollout(run: Run) -> None:
    """A shorter horizon comes first: more minibatches do not make NumPy's arrays smaller."""
    sizes = ("--num-envs", "2", "--horizon", "4194304", "--observation", "3x64x64", "--actions", "4")
    done = run("memory", "sb3", *sizes, "--dtype", "float32", COLUMNS="200")
    lines = dict(line.split("  ", 1) for line in done.stdout.decode().splitlines() if "  " in line)
    assert "412,316,860,416 bytes (384 GiB)" in lines["NumPy's share"]
    assert "A shorter horizon" in lines["what to do"]
    assert "more minibatches do not" in lines["what to do"]
    assert "other releases" not in lines
    assert b"NumPy" not in run("memory", "rl_games", *SIZES).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "LIBRARY"),
        (("brax", *SIZES), "brax"),
        (("brax==1.0", *SIZES), "'brax' is not one of"),
        (("sb3==", *SIZES), "'' is not a release"),
        (("sb3==0.8.0", *SIZES), "Stable-Baselines3 0.8.0 is too old"),
        (("skrl", *SIZES[:4]), "--actions"),
        (("skrl", *SIZES, "--horizon", "0"), "not a positive integer"),
        (("skrl", *SIZES, "--observation", "48x3"), "neither one number nor three"),
        (("skrl", *SIZES, "--observation", "3x20x20"), "too small for the convolutions"),
        (("skrl", *SIZES, "--observation", "3x64x64", "--dtype", "uint8"), "use float32 for skrl"),
        (("sb3", *SIZES, "--dtype", "uint8"), "uint8 is for images"),
        (("sb3", *SIZES, "--minibatches", "7"), "cannot be cut into 7 equal minibatches"),
        (("sb3", *SIZES, "--hidden", "64,x"), "not a positive integer"),
        (("sb3", *SIZES, "--plot", "memory.txt"), "is not a supported figure"),
        (("sb3", *SIZES, "--json", "no/such/folder.json"), "is not in an existing directory"),
    ],
)
def test_nonsense_gets_one_sentence(here: Path, run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("memory", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line
    assert here.exists()
