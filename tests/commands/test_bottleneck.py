"""The command ``stepscope bottleneck``: what it prints and writes, and one sentence where it cannot work."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="commands are run on Linux")

# RL-Games' line, for a training whose vector step takes 1 ms + 1 µs per environment to step, and as long again to learn.
TRAINING = """
import sys
n = int(sys.argv[1])
step = n / (1e-3 + 1e-6 * n)
for epoch in range(1, 5):
    rates = f"fps step: {step:.0f} fps step and policy inference: {step:.0f} fps total: {step / 4:.0f}"
    print(f"{rates} epoch: {epoch}/4 frames: {epoch * n * 16}")
"""
FEW = """
from stepscope.envs import CartPole
from stepscope.errors import BadInputError
def few(num_envs):
    if num_envs > 16:
        raise BadInputError("there is room for 16.")
    return CartPole(num_envs)
"""
OTHERS = "class Empty:\n    def __init__(self, num_envs): pass\ndef dying(num_envs): raise MemoryError\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a training and a module of bad factories in it."""
    (tmp_path / "train.py").write_text(TRAINING, encoding="utf-8")
    (tmp_path / "mine.py").write_text(OTHERS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_factory_is_measured(here: Path, run: Run) -> None:
    """The table has three scopes, the verdict a number; JSON and the figure are written."""
    arguments = ("stepscope.envs:CartPole", "--sizes", "4,8,16", "--horizon", "4")
    done = run("bottleneck", *arguments, "--json", "bottleneck.json", "--plot", "bottleneck.svg")
    assert (0, b"") == (done.returncode, done.stderr)
    header, *table = done.stdout.decode().split("\n\n")[0].splitlines()
    assert "environments fps step fps rollout fps total" == " ".join(header.split()[:7])
    assert ["4", "8", "16"] == [line.split()[0] for line in table]
    data = json.loads((here / "bottleneck.json").read_text(encoding="utf-8"))
    assert (1, "stepscope.envs:CartPole", "total") == (
        data["schema"],
        data["target"],
        data["verdict"]["scope"],
    )
    for size in data["sizes"]:
        low, median, high = size["seconds"]["total"]
        assert low <= median <= high
        assert size["seconds"]["step"][1] < size["seconds"]["rollout"][1] < median
    assert "environments" in (here / "bottleneck.svg").read_text(encoding="utf-8")


def test_the_rates_of_a_command_are_read_with_their_scope(here: Path, run: Run) -> None:
    """Stepping takes 1 ms + 1 µs N and the whole four times as long, so learning is 3/4."""
    command = (sys.executable, "train.py", "{num_envs}")
    done = run("bottleneck", "--sizes", "100,1000,10000", "--json", "-", "--", *command)
    data = json.loads(done.stdout)
    assert pytest.approx(1000, rel=0.01) == data["models"]["step"]["half_rate_num_envs"]
    assert pytest.approx(4e-3, rel=0.01) == data["models"]["total"]["fixed_seconds"]
    shares = {part["name"]: part["share"] for part in data["verdict"]["parts"]}
    assert pytest.approx(0.75, rel=0.01) == shares["learning"]
    assert "learner-bound" == data["verdict"]["bottleneck"]
    assert here.exists()


def test_a_size_that_fails_ends_the_table(here: Path, run: Run) -> None:
    """The sizes that worked are judged; the one that did not stands in the table with its reason."""
    (here / "train.py").write_text(TRAINING + "sys.exit(n > 5000)\n", encoding="utf-8")
    command = (sys.executable, "train.py", "{num_envs}")
    done = run("bottleneck", "--sizes", "100,1000,2000,10000", "--", *command)
    assert 0 == done.returncode
    assert "exit status 1" in done.stdout.decode().splitlines()[4]


def test_a_size_that_the_environment_refuses_ends_the_table(here: Path, run: Run) -> None:
    """An environment that says that there is no room for so many is a size that fails."""
    (here / "mine.py").write_text(FEW, encoding="utf-8")
    done = run("bottleneck", "mine:few", "--sizes", "4,8,16,32", "--horizon", "4")
    assert (0, b"") == (done.returncode, done.stderr)
    assert "there is room for 16" in done.stdout.decode().splitlines()[4]
    assert "at 16 environments" in " ".join(done.stdout.decode().split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "TARGET is missing"),
        (("train.py",), "'train.py' is not a valid TARGET"),
        (("mine:Empty", "--sizes", "8"), "not a list of at least two different numbers"),
        (("mine:Empty", "--sizes", "8,8"), "not a list of at least two different numbers"),
        (("mine:Empty", "--sizes", "8,x"), "not a positive integer"),
        (("mine:Empty", "--at", "3"), "--at 3 is not one of --sizes"),
        (("mine:Empty", "--option", "size"), "'size' is not NAME=VALUE"),
        (("mine:Empty", "--option", "size=1"), "cannot be called with num_envs and these options"),
        (("mine:Empty", "--plot", "a.txt"), "is not a supported figure"),
        (("mine:Empty", "--json", "no/such/folder.json"), "is not in an existing directory"),
        (("--horizon", "4", "--", "a", "{num_envs}"), "apply to a factory only"),
        (("--", "no-such-program", "{num_envs}"), "no-such-program cannot be started"),
        (("--", "python", "train.py"), "has no {num_envs} in it"),
        (("--", "true", "{num_envs}"), "is not the log of a supported training"),
        (("--", "sh", "-c", "exit 3", "{num_envs}"), "with 256 environments: "),
        (("mine:Other",), "mine has no 'Other'"),
        (("mine:Empty",), "which has no reset()"),
        (("mine:dying",), "with 256 environments: "),
        (("nothing:World",), "no module 'nothing'"),
    ],
)
def test_nonsense_gets_one_sentence(here: Path, run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """One line on standard error, nothing on standard output, and the exit status 2."""
    done = run("bottleneck", *arguments)
    assert (2, b"") == (done.returncode, done.stdout)
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("stepscope: ")
    assert sentence in line
    assert here.exists()
