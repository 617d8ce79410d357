"""The command ``stepscope fit``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured on Linux")

WORLD = """
class World:
    def __init__(self, num_envs, size=10_000):
        self.action_space = self
        self.held = bytearray(num_envs * size)
    def sample(self): return 0
    def reset(self): return 0, {}
    def step(self, action): return 0, 0, False, False, {}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a module that has a world in it."""
    (tmp_path / "mine.py").write_text(WORLD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_module_in_the_working_directory_is_fitted(here: Path, run: Run) -> None:
    """The table, the line and the prediction are printed; JSON and the figure are written."""
    size = ("--budget", "300MiB", "--limit", "3600")  # a busy machine may take its time
    done = run("fit", "mine:World", *size, "--verify", "--json", "fit.json", "--plot", "fit.svg")
    assert (0, b"") == (done.returncode, done.stderr)
    text = done.stdout.decode()
    assert ["num_envs", "seconds", "host", "memory", "fitted", "residual", "status"] == text.splitlines()[
        0
    ].split()
    assert "within 5% of the prediction" in " ".join(text.split())
    data = json.loads((here / "fit.json").read_text(encoding="utf-8"))
    assert pytest.approx(10_000, rel=0.03) == data["models"]["host"]["per_env_bytes"]
    assert (1, "mine:World", "host") == (data["schema"], data["target"], data["limited_by"])
    assert [True, False] == [probe["fits"] for probe in data["verified"]]
    assert f"{data['largest_num_envs']:,}" in text
    assert "python" in data["provenance"]["versions"]
    assert "environments fit" in (here / "fit.svg").read_text(encoding="utf-8")


def test_options_reach_the_factory(here: Path, run: Run) -> None:
    """--option passes a number on; --json - leaves standard output to programs."""
    done = run(
        "fit", "mine:World", "--option", "size=40000", "--budget", "300MiB", "--limit", "3600", "--json", "-"
    )
    assert pytest.approx(40_000, rel=0.03) == json.loads(done.stdout)["models"]["host"]["per_env_bytes"]
    assert here.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "TARGET is missing"),
        (("train.py",), "'train.py' is not a valid TARGET"),
        (("mine:World", "--", "a", "{num_envs}"), "two TARGETs"),
        (("--", "python", "train.py"), "has no {num_envs} in it"),
        (("--", "no-such-program", "{num_envs}"), "no-such-program cannot be started"),
        (("--horizon", "4", "--", "a", "{num_envs}"), "apply to a factory only"),
        (("mine:World", "--budget", "8"), "not an amount of memory, such as 8GiB"),
        (("mine:World", "--budget", "0GiB"), "not an amount of memory"),
        (("mine:World", "--limit", "nan"), "not a positive number"),
        (("mine:World", "--first", "0"), "not a positive integer"),
        (("mine:World", "--option", "size"), "'size' is not NAME=VALUE"),
        (("mine:World", "--option", "colour=red"), "colour"),
        (("mine:World", "--policy", "nothing"), "is not module:factory"),
        (("mine:World", "--plot", "fit.txt"), "is not a supported figure"),
        (("mine:World", "--json", "no/such/folder.json"), "is not in an existing directory"),
        (("mine:Other",), "mine has no 'Other'"),
        (("nothing:World",), "no module 'nothing'"),
        (("--", "sh", "-c", "exit {num_envs}"), "ended with exit status 64"),
    ],
)
def test_nonsense_gets_one_sentence(here: Path, run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("fit", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line
    assert here.exists()
